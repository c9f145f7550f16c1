# SPDX-License-Identifier: MIT
"""Whose block is an address?"""

import gdb

from sydra_gdb.handles import handle_of_pool, handles_of
from sydra_gdb.library import CLASS_HEAP, NO_SLAB, libraries, plural
from sydra_gdb.structures import owner_text


def unused_slab_text(library, class_, number):
    """The state of a slab that no pool uses."""
    zone = library.state["zone"][class_]
    for word, head in (("dirty", zone["dirty"]), ("clean", zone["clean"])):
        at = int(head)
        while at != NO_SLAB:
            if at == number:
                return "free, and %s" % word
            at = int(library.slab_at(at)["next"])
    return "on its way between two lists"


def slab_of(library, address):
    """Class and number of the address's slab, and why it has no block.  The last is None if a pool
    has the slab."""
    unit = (address - int(library.region["base"])) // library.unit_bytes()
    class_ = unit >> int(library.region["zone_shift"])
    if class_ == CLASS_HEAP:
        return class_, unit, "zone 0 has no slabs"
    number = unit & -library.units(class_)
    first = library.zone_first(class_)
    if number < first:
        return class_, number, "none: the zone begins at slab %d" % first
    if number - first >= int(library.state["zone"][class_]["fresh"]):
        return class_, number, "never used"
    slab = library.slab_at(number)
    if int(slab["class"]) != class_:
        raise gdb.GdbError("sydra: slab %d says class %d, and not %d: is SY_ZONE_SKEW of this"
                           " script the library's?" % (number, int(slab["class"]), class_))
    if int(slab["owner"]) == 0:
        return class_, number, unused_slab_text(library, class_, number)
    return class_, number, None


def bit_text(slab, block):
    """Whether the block's bit says that it is free, and that in words."""
    if not int(slab["bits"]["word"][block // 64]) >> block % 64 & 1:
        return False, "handed out"
    never = block >= int(slab["touched"])
    return True, "free, never handed out" if never else "free"


def where_text(handle, start, class_, is_free):
    """Who has the block."""
    found = handle.find(start, class_) if handle else []
    if is_free:
        return " and ".join(["the slab"] + found)
    if found:
        return " and ".join(found)
    changing = [c.thread for c in handle.caches() if c.is_changing()] if handle else []
    unsure = ", or with %s, in the middle of a miss" % ", ".join(changing) if changing else ""
    return "in use: no magazine, bag, depot or limbo has it" + unsure


def describe_in_range(library, address):
    """Lines about an address in the range."""
    class_, number, fault = slab_of(library, address)
    start = int(library.region["base"]) + number * library.unit_bytes()
    yield "slab", "%d at 0x%x%s" % (number, start, ", " + fault if fault else ", in use")
    if class_ == CLASS_HEAP:
        return
    size, blocks = int(library.classes[class_]["bytes"]), int(library.classes[class_]["blocks"])
    yield "class", "%d: blocks of %d bytes" % (class_, size)
    if fault:
        return
    slab = library.slab_at(number)
    block, offset = divmod(address - start, size)
    yield "owner", "%s, shard %d" % (owner_text(library, int(slab["owner"])), int(slab["shard"]))
    if block >= blocks:
        yield "block", "none: behind the last of %s" % plural(blocks, "block")
        return
    yield "block", "%d of %d at 0x%x, offset %d" % (block, blocks, address - offset, offset)
    is_free, text = bit_text(slab, block)
    yield "bit", text
    handle = handle_of_pool(library, int(slab["owner"]))
    yield "where", where_text(handle, address - offset, class_, is_free)


def fallback_text(handle, address):
    """What the handle's set of the heap's blocks says of an address; None: not there."""
    if not handle.has_pool():
        return "perhaps %s: it has no pool, and keeps no set of blocks" % handle
    found = handle.fallback(address)
    if found == "yes":
        return "%s: its fallback set has a block of the heap here" % handle
    return "perhaps %s: its fallback set is not complete" % handle if found == "maybe" else None


def describe_outside(library, address):
    """Lines about an address outside of the range."""
    for handle in handles_of(library):
        owner, places = fallback_text(handle, address), handle.find(address, CLASS_HEAP)
        if owner:
            yield "owner", owner
        if places:
            yield "where", "%s: %s" % (handle, " and ".join(places))


def range_text(found, inside):
    """Whether the address is in the range."""
    if inside:
        return "in the range"
    reserved = any(int(library.region["bytes"]) for library in found)
    return "outside of the range" if reserved else "and there is no range"


def in_range(library, address):
    """Is the address in the range that the pools' blocks come from?"""
    return 0 <= address - int(library.region["base"]) < int(library.region["bytes"])


def block_lines(address):
    """What is known of an address, as pairs of a word and a text."""
    found = libraries()
    inside = [library for library in found if in_range(library, address)]
    yield "address", "0x%x, %s" % (address, range_text(found, inside))
    for library in inside:
        yield from describe_in_range(library, address)
    if not inside:
        lines = [line for library in found for line in describe_outside(library, address)]
        yield from lines or [("block", "no fallback set has a block that starts here")]
