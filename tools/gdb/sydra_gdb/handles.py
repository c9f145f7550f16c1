# SPDX-License-Identifier: MIT
"""Handles, threads' caches, and where blocks lie outside of slabs."""

import collections

from sydra_gdb.library import (CLASS_HEAP, SY_HANDLE_LIVE, at_address, length_of, libraries,
                               offset_of, signed, thread_name, words)


# Magazines of one class with blocks up to top.  `where` says in words who has them.
Place = collections.namedtuple("Place", "where class_ top")


class Handle:
    """A live handle."""

    def __init__(self, library, value):
        self.library = library
        self.value = value
        self.address = int(value.address)
        self.domain = value["domain"]
        self.name = value["name"].string(errors="replace")

    def __str__(self):
        return 'handle 0x%x "%s"' % (self.address, self.name)

    def caches(self):
        """All threads' caches.  Each is a participant of the domain."""
        offset = offset_of(self.library.cache_type, "participant")
        at = self.domain["first"]
        while int(at) != 0:
            yield Cache(self, at_address(self.library.cache_type, int(at) - offset))
            at = at["next"]

    def sealed_bags(self):
        """The bags in limbo, from the first on."""
        bag = self.domain["limbo"]["first"]
        while int(bag) != 0:
            yield bag
            bag = self.library.note_of(bag)["next"]

    def limbo_places(self):
        """What waits in limbo.  A sealed bag is a full magazine."""
        for bag in self.sealed_bags():
            note = self.library.note_of(bag)
            yield Place("limbo, in a bag sealed in epoch %d" % (int(note["epoch"]) >> 1),
                        int(note["class"]), int(bag) + self.library.magazine_bytes)

    def depot_places(self, class_):
        """What the depots of the class hold.  A magazine in a depot is full."""
        pool = self.value["pool"]
        for shard in range(int(pool["shard_count"])):
            depots = pool["shards"][shard]["bin"][class_]["depot"]
            for number in range(length_of(depots)):
                for magazine in self.library.depot_magazines(depots[number]["depot"]):
                    yield Place("depot %d of shard %d" % (number, shard), class_,
                                int(magazine.address) + self.library.magazine_bytes)

    def thread_places(self):
        """What the threads' magazines and bags hold."""
        for cache in self.caches():
            yield from cache.magazine_places()
            yield from cache.bag_places()

    def places(self, class_):
        """Wherever blocks of the class can lie outside of slabs."""
        yield from self.thread_places()
        yield from self.limbo_places()
        if class_ != CLASS_HEAP:
            yield from self.depot_places(class_)

    def find(self, block, class_):
        """Where the block lies outside of slabs: a list of words."""
        return [place.where for place in self.places(class_)
                if place.class_ == class_ and block in self.library.blocks_below(place.top)]

    def has_pool(self):
        """Does the handle have a pool?"""
        return int(self.value["pool"]["shard_count"]) != 0

    def fallback(self, address):
        """Whether the fallback set has the address: "yes", "maybe" or "no"."""
        stripes = self.value["fallback"]["stripe"]
        untracked = 0
        for number in range(length_of(stripes)):
            stripe = stripes[number]
            if address in words(int(stripe["table"]), int(stripe["entries"])):
                return "yes"
            untracked += int(stripe["untracked"])
        return "maybe" if untracked else "no"

    def live(self):
        """Live blocks and bytes, as sydra_stats_get counts them.  Deferred blocks are live."""
        counts = self.value["ledger"]["retired"]
        blocks = [int(counts["allocations"][c]) - int(counts["frees"][c])
                  for c in range(length_of(counts["frees"]))]
        heap_bytes = int(counts["heap_bytes"])
        for cache in self.caches():
            blocks = [b + cache.live(c) for c, b in enumerate(blocks)]
            heap_bytes += int(cache.value["books"]["counts"]["heap_bytes"])
        blocks = [signed(b) for b in blocks]
        sizes = [int(self.library.classes[c]["bytes"]) for c in range(len(blocks))]
        return sum(blocks), signed(heap_bytes) + sum(b * s for b, s in zip(blocks, sizes))


class Cache:
    """What one thread keeps of one handle."""

    def __init__(self, handle, value):
        self.handle = handle
        self.library = library = handle.library
        self.value = value
        self.reader = value["participant"]["reader"]
        self.bags = value["participant"]["bags"]
        self.thread = thread_name(int(self.reader["thread"]["id"]))
        # The top of a class without a loaded magazine.
        self.no_top = int(library.external("sy_no_magazine").address) + library.magazine_bytes

    def tops(self, class_):
        """The tops of the loaded and the previous magazine; None: there is none."""
        loaded = int(self.value["top"][class_])
        previous = int(self.value["previous"][class_])
        return None if loaded == self.no_top else loaded, previous or None

    def magazine_places(self):
        """The blocks in the thread's magazines."""
        for class_ in range(1, length_of(self.value["previous"])):
            for kind, top in zip(("loaded", "previous"), self.tops(class_)):
                if top is not None:
                    yield Place("the %s magazine of %s" % (kind, self.thread), class_, top)

    def bag_places(self):
        """The blocks in the thread's bags."""
        for class_ in range(length_of(self.bags["top"])):
            top = int(self.bags["top"][class_])
            if top != 0:
                yield Place("a bag of %s" % self.thread, class_, top)

    def live(self, class_):
        """Blocks that the thread allocated, less those that it freed (books.h)."""
        books = self.value["books"]
        frees = int(books["counts"]["frees"][class_])
        if class_ == CLASS_HEAP:
            return int(books["counts"]["allocations"][class_]) - frees
        since = int(books["last_top"][class_]) - int(self.value["top"][class_])
        return int(books["last_allocations"][class_]) - frees + since // self.library.word_bytes

    def is_changing(self):
        """Is the thread in the middle of a miss?"""
        return int(self.value["books"]["changes"]) % 2 == 1


def handles_of(library):
    """All live handles of one copy of the library."""
    at = library.registry["first"]
    while int(at) != 0:
        if int(at["state"]) == SY_HANDLE_LIVE:
            yield Handle(library, at.dereference())
        at = at["next"]


def all_handles():
    """All live handles of the process."""
    return [handle for library in libraries() for handle in handles_of(library)]


def handle_of_pool(library, pool):
    """The live handle that this pool is part of.  None: there is no such."""
    return next((handle for handle in handles_of(library)
                 if int(handle.value["pool"].address) == pool), None)


def handle_of_number(library, number):
    """The live handle of this number.  None: there is no such."""
    return next((handle for handle in handles_of(library)
                 if int(handle.value["number"]) == number), None)
