# SPDX-License-Identifier: MIT
"""Values, and one copy of the library in the process."""

import sys

import gdb

# Macros are in no debug information.  tests/tools/gdb.sh compares these with the headers.
SY_HANDLE_LIVE = 0x53594452
SY_GRANULE_SHIFT = 4
SY_UNIT_SHIFT = 16
SY_BUDGET_LEAST = 256 << 10
SY_TAG_SHIFT = 8
SY_UNIT_LARGE = 62
SY_UNIT_INSIDE = 63
NUMBER_BITS = 24  # of a magazine's number in the head of a depot, on 64 bits

CLASS_HEAP = 0


def words(address, count):
    """The words at the address.  The process has the byte order of this machine."""
    size = gdb.lookup_type("long").pointer().sizeof
    if count == 0:
        return []
    data = gdb.selected_inferior().read_memory(address, count * size).tobytes()
    return [int.from_bytes(data[at:at + size], sys.byteorder)
            for at in range(0, len(data), size)]


def signed(number):
    """The number as a signed word: counts of the library wrap."""
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number


def length_of(array):
    """How many entries the array has."""
    first, last = array.type.strip_typedefs().range()
    return last - first + 1


def offset_of(struct_type, name):
    """The offset of a member in bytes."""
    return next(f.bitpos // 8 for f in struct_type.fields() if f.name == name)


def at_address(struct_type, address):
    """The struct at the address."""
    return gdb.Value(int(address)).cast(struct_type.pointer()).dereference()


def plural(count, noun):
    """The count with its noun, such as "2 blocks"."""
    return "%d %s%s" % (count, noun, "" if count == 1 else "s")


def page_bytes():
    """How long a page is, which the process was told at its start."""
    data = gdb.execute("info auxv", to_string=True)
    return next((int(line.split()[-1]) for line in data.splitlines() if "AT_PAGESZ" in line), 4096)


def thread_name(number):
    """A thread by the system's number, and by gdb's if gdb knows the thread."""
    for thread in gdb.selected_inferior().threads():
        if thread.ptid[1] == number:
            return "thread %d (gdb's %d)" % (number, thread.num)
    return "thread %d" % number


class Library:
    """One copy of the library: a shared library, the drop-in, or a program linked with either."""

    def __init__(self, registry):
        self.objfile = registry.symtab.objfile
        self.registry = registry.value()
        self.threads = self.static("threads", "unused")
        self.metadata = self.static("metadata", "arena")["arena"]
        arena = find_static("range", "mapped", self.objfile)[0]
        self.range = self.external("sy_range", arena)
        self.book = self.external("sy_range_runs", arena)
        self.classes = self.external("sy_size_classes")
        self.handle_type = self.registry["free_first"].type.target()
        self.cache_type = self.threads["unused"].type.target()
        self.magazine_type = self.type_of("struct sy_magazine")
        self.magazine_bytes = self.magazine_type.sizeof
        self.word_bytes = self.handle_type.pointer().sizeof

    def static(self, name, has):
        """A static struct of the library, by its name and one of its members."""
        return find_static(name, has, self.objfile)[0].value()

    # gdb may find a declaration, and takes that for the variable of any copy.
    def external(self, name, beside=None):
        """A variable that several of the library's files use.  `beside` is a static one of the file
        that defines it."""
        symbol = self.objfile.lookup_global_symbol(name)
        for other in beside.symtab.global_block() if beside else []:
            if other.name == name and other.addr_class == gdb.SYMBOL_LOC_STATIC:
                symbol = other
        if symbol is None:
            raise gdb.GdbError("sydra: no debug information for %s in %s"
                               % (name, self.objfile.filename))
        return symbol.value()

    def type_of(self, name):
        """A type by its name."""
        try:
            return gdb.lookup_type(name)
        except gdb.error:
            raise gdb.GdbError("sydra: no debug information for %s" % name) from None

    def has_slab(self, address):
        """Is the state of a slab at this address?"""
        return 0 < int(self.metadata["origin"]) - address <= int(self.metadata["used"])

    def range_bytes(self):
        """How long the range is."""
        return int(self.range["granules"]) << SY_GRANULE_SHIFT

    def has(self, address):
        """As sy_range_has: is the address in the range that all blocks come from?"""
        return 0 <= address - int(self.range["base"]) < self.range_bytes()

    def unit_of(self, address):
        """As sy_range_unit_of: the number of the unit that the address is in."""
        return (address - int(self.range["base"])) >> SY_UNIT_SHIFT

    def address_of(self, unit):
        """As sy_range_address: where the unit begins."""
        return int(self.range["base"]) + (unit << SY_UNIT_SHIFT)

    def entry(self, unit):
        """Whose the unit is, and of which class, as the map says: an owner's number and a kind.
        Owner 0: nobody's."""
        entry = int(self.range["map"][unit])
        return entry >> SY_TAG_SHIFT, entry & (1 << SY_TAG_SHIFT) - 1

    def unit(self, unit):
        """As sy_unit_of: the unit's entry in the book."""
        return self.book["top"][-1 - unit]

    def run_of(self, unit):
        """The first unit of the run that has the unit, and that run's entry in the book."""
        inside = self.run_states()["SY_RUN_INSIDE"]
        while int(self.unit(unit)["state"]) == inside and unit > 0:
            unit -= 1
        return unit, self.unit(unit)

    def run_states(self):
        """The names of the states of runs, and their numbers."""
        return {field.name: field.enumval for field in self.type_of("enum sy_run_state").fields()}

    def magazine_of(self, top):
        """The magazine that top points into, or at the end of."""
        return at_address(self.magazine_type, (top - self.word_bytes) & -self.magazine_bytes)

    def blocks_below(self, top):
        """The blocks that a magazine holds, given its top."""
        magazine = self.magazine_of(top)
        room = (int(magazine.address) + self.magazine_bytes - top) // self.word_bytes
        held = int(magazine["rounds"]) - room
        return words(top - held * self.word_bytes, held)

    def depot_magazines(self, depot):
        """The magazines of a depot, from the top down."""
        number = int(depot["head"])
        if "tag" not in [field.name for field in depot.type.fields()]:
            number &= (1 << NUMBER_BITS) - 1
        top = int(self.metadata["origin"])
        while number != 0:
            magazine = at_address(self.magazine_type, top - number * self.magazine_bytes)
            yield magazine
            number = int(magazine["below"])

    def note_of(self, bag):
        """The note in a bag."""
        return at_address(self.type_of("struct sy_bag_note"), bag["slot"].address)


def is_struct_with(value, name):
    """Is the value there, as a struct with this member?"""
    return (value.type.code == gdb.TYPE_CODE_STRUCT and not value.is_optimized_out
            and name in [field.name for field in value.type.fields()])


def find_static(name, has, objfile=None):
    """The static structs of this name with the member `has`.  Other files and programs may have
    variables of the same names.  After link-time optimisation (LTO) each is there once more,
    without a place, and the names of files are wrong."""
    if not hasattr(gdb, "lookup_static_symbols"):
        raise gdb.GdbError("sydra: this needs gdb 10 or later")
    found = [symbol for symbol in gdb.lookup_static_symbols(name)
             if symbol.is_variable and objfile in (None, symbol.symtab.objfile)
             and is_struct_with(symbol.value(), has)]
    if not found:
        raise gdb.GdbError("sydra: no debug information of the library (static struct %s).  Has"
                           " the program started, does it use sydra-alloc, and was that built"
                           " with -g?" % name)
    return found


def libraries():
    """All copies of the library.  A program can have the library and the drop-in at once."""
    return [Library(symbol) for symbol in find_static("registry", "free_first")]


def library_of_slab(address):
    """The copy that the state of this slab is part of, else the first one."""
    found = libraries()
    return next((library for library in found if library.has_slab(address)), found[0])
