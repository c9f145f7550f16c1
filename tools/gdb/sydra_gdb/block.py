# SPDX-License-Identifier: MIT
"""Whose block is an address?"""

from sydra_gdb.handles import handle_of_number, handle_of_pool, handles_of
from sydra_gdb.library import (CLASS_HEAP, SY_UNIT_INSIDE, SY_UNIT_LARGE, libraries, page_bytes,
                               plural)
from sydra_gdb.structures import owner_text


def unused_text(library, unit):
    """The state of a unit that nobody has."""
    if unit >= int(library.book["edge"]):
        return "never used"
    state = int(library.run_of(unit)[1]["state"])
    return {"SY_RUN_DIRTY": "free, and dirty",
            "SY_RUN_CLEAN": "free, and clean",
            "SY_RUN_DETACHED": "free, its memory on its way back to the system",
            }.get(next(name for name, number in library.run_states().items() if number == state),
                  "on its way to its next owner, or back")


def run_text(library, first, state):
    """Where a run lies, and its state."""
    return "%d at 0x%x, %s" % (first, library.address_of(first), state)


def bit_text(slab, block):
    """Whether the block's bit says that it is free, and that in words."""
    if not int(slab["word"][block // 64]) >> block % 64 & 1:
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


def describe_slab(library, address, unit, class_):
    """Lines about an address in a slab."""
    slab = library.unit(unit)["slab"].dereference()
    start = library.address_of(int(slab["unit"]))
    size, blocks = int(library.classes[class_]["bytes"]), int(library.classes[class_]["blocks"])
    block, offset = divmod(address - start, size)
    yield "slab", run_text(library, int(slab["unit"]), "in use")
    yield "class", "%d: blocks of %d bytes" % (class_, size)
    yield "owner", "%s, shard %d" % (owner_text(library, int(slab["owner"])), int(slab["shard"]))
    if block >= blocks:
        yield "block", "none: behind the last of %s" % plural(blocks, "block")
        return
    yield "block", "%d of %d at 0x%x, offset %d" % (block, blocks, address - offset, offset)
    is_free, text = bit_text(slab, block)
    yield "bit", text
    handle = handle_of_pool(library, int(slab["owner"]))
    yield "where", where_text(handle, address - offset, class_, is_free)


def describe_large(library, address, unit, number):
    """Lines about an address in a large block."""
    first, run = library.run_of(unit)
    start, size = library.address_of(first), int(run["asked"]) * page_bytes()
    handle = handle_of_number(library, number)
    yield "run", "%s, %s" % (run_text(library, first, "in use"),
                               plural(int(run["length"]), "unit"))
    yield "owner", str(handle) if handle else "number %d, no live handle" % number
    if address - start < size:
        yield "block", "large, %d bytes at 0x%x, offset %d" % (size, start, address - start)
    else:
        yield "block", "none: behind the %d bytes of the large block at 0x%x" % (size, start)
    yield "where", where_text(handle, start, CLASS_HEAP, False)


def describe_in_range(library, address):
    """Lines about an address in the range."""
    unit = library.unit_of(address)
    number, kind = library.entry(unit)
    if number == 0:
        yield "unit", run_text(library, unit, unused_text(library, unit))
    elif kind in (SY_UNIT_LARGE, SY_UNIT_INSIDE):
        yield from describe_large(library, address, unit, number)
    else:
        yield from describe_slab(library, address, unit, kind)


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
    mapped = any(library.range_bytes() for library in found)
    return "outside of the range" if mapped else "and there is no range"


def block_lines(address):
    """What is known of an address, as pairs of a word and a text."""
    found = libraries()
    inside = [library for library in found if library.has(address)]
    yield "address", "0x%x, %s" % (address, range_text(found, inside))
    for library in inside:
        yield from describe_in_range(library, address)
    if not inside:
        lines = [line for library in found for line in describe_outside(library, address)]
        yield from lines or [("block", "no fallback set has a block that starts here")]
