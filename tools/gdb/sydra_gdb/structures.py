# SPDX-License-Identifier: MIT
"""The structures as text."""

from sydra_gdb.handles import all_handles, handle_of_pool
from sydra_gdb.library import CLASS_HEAP, SY_BUDGET_LEAST, length_of, library_of_slab, plural


def held_text(library, top):
    """How full a magazine is."""
    if top is None:
        return "none"
    return "%d of %d" % (len(library.blocks_below(top)), int(library.magazine_of(top)["rounds"]))


def magazine_text(value):
    """A magazine: who has it, and how many blocks it holds."""
    address = int(value.address)
    for handle in all_handles():
        library = handle.library
        for place in handle.thread_places():
            if int(library.magazine_of(place.top).address) == address:
                return ("magazine of class %d, %s blocks: %s, %s"
                        % (place.class_, held_text(library, place.top), place.where, handle))
    return ("magazine with room for %s: no thread works on it; in a depot or in limbo it is full"
            % plural(int(value["rounds"]), "block"))


def owner_text(library, pool):
    """The handle that a pool is part of."""
    if pool == 0:
        return "no pool"
    handle = handle_of_pool(library, pool)
    return str(handle) if handle else "pool 0x%x, of no live handle" % pool


def slab_text(value):
    """A slab: class, owner, and how many blocks are free."""
    library = library_of_slab(int(value.address))
    class_ = int(value["class"])
    if class_ == CLASS_HEAP:
        return "slab that was never used"
    blocks, free = int(library.classes[class_]["blocks"]), int(value["free_count"])
    return ("slab of class %d (%d bytes), shard %d, owner %s: %d free, %d handed out of %s"
            % (class_, int(library.classes[class_]["bytes"]), int(value["shard"]),
               owner_text(library, int(value["owner"])), free, blocks - free,
               plural(blocks, "block")))


def cache_text(value):
    """A thread's cache: its budget, and a line for each class with magazines."""
    address = int(value.address)
    cache = next((c for h in all_handles() for c in h.caches() if int(c.value.address) == address),
                 None)
    if cache is None:
        return "cache of no live handle"
    library = cache.library
    share = int(cache.handle.value["budget"]) // int(cache.handle.domain["participants"])
    lines = ["cache of %s, %s" % (cache.thread, cache.handle),
             "  budget %d of %d bytes" % (int(value["budget_used"]), max(share, SY_BUDGET_LEAST))]
    for class_ in range(1, length_of(value["previous"])):
        loaded, previous = cache.tops(class_)
        if loaded is not None or previous is not None:
            lines.append("  class %d (%d bytes): loaded %s, previous %s, capacity %d"
                         % (class_, int(library.classes[class_]["bytes"]),
                            held_text(library, loaded), held_text(library, previous),
                            int(value["capacity"][class_])))
    return "\n".join(lines)


def reader_text(reader):
    """Whether a reader is inside."""
    if int(reader["epoch"]) == 0:
        return "outside"
    return "inside since epoch %d, in %s" % (int(reader["epoch"]) >> 1,
                                             plural(int(reader["depth"]) + 1, "section"))


def waiting_text(blocks, size):
    """Blocks and their bytes."""
    return "%s, %s" % (plural(blocks, "block"), plural(size, "byte"))


def participant_line(cache):
    """What a domain knows of one thread."""
    bags = cache.bags
    return ("  %s: %s; %s with %s"
            % (cache.thread, reader_text(cache.reader),
               plural(len(list(cache.bag_places())), "bag"),
               waiting_text(int(bags["blocks"]), int(bags["bytes"]))))


def domain_text(value):
    """An epoch domain: its readers, and what waits for them."""
    address = int(value.address)
    handle = next((h for h in all_handles() if int(h.domain.address) == address), None)
    if handle is None:
        return "domain of no live handle"
    limbo, caches = value["limbo"], list(handle.caches())
    blocks = int(limbo["blocks"]) + sum(int(c.bags["blocks"]) for c in caches)
    size = int(limbo["bytes"]) + sum(int(c.bags["bytes"]) for c in caches)
    lines = ["domain of %s" % handle,
             "  epoch %d" % (int(limbo["epoch"]["now"]) >> 1),
             "  %s" % plural(int(value["participants"]), "participant")]
    lines += [participant_line(cache) for cache in caches]
    if int(value["anonymous"]["epoch"]) != 0:
        lines.append("  threads without a record: " + reader_text(value["anonymous"]))
    lines += ["  sealed: %s with %s" % (plural(int(limbo["bags"]), "bag"),
                                        waiting_text(int(limbo["blocks"]), int(limbo["bytes"]))),
              "  waiting: " + waiting_text(blocks, size),
              "  charged: %d of %d bytes" % (int(limbo["charged"]), int(limbo["limit"]))]
    return "\n".join(lines)
