# SPDX-License-Identifier: MIT
"""gdb's view of sydra-alloc: whose block is this address, and what do the structures hold?

In gdb, from 10 on, with Python:

    source tools/gdb/sydra.py
    sydra block ADDRESS      where this block is, and whether it is free
    sydra handles            the live handles
    sydra domain HANDLE      the readers and the deferred blocks of a handle
    print *cache             also magazines, slabs and epoch domains

The script reads memory only, so a core file serves as well as a process.  It needs the library's
debug information, and takes all names and lengths from there.  The process must be stopped, and
where a thread was in the middle of a change, the script may see one half of it.

An epoch is shown as sydra_epoch_enter returns it.  A thread is shown by the system's number.
"""

import os
import sys

import gdb
import gdb.printing

# The other files are beside this one, where nothing is to be written.
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
from sydra_gdb.block import block_lines
from sydra_gdb.handles import all_handles
from sydra_gdb.library import plural
from sydra_gdb.structures import cache_text, domain_text, magazine_text, slab_text, waiting_text
sys.dont_write_bytecode = before


class Command(gdb.Command):
    """A command that prints lines."""

    def __init__(self, name, **options):
        super().__init__(name, gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION, **options)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        try:
            for line in self.lines(argument.strip()):
                print(line)
        except gdb.MemoryError as error:
            raise gdb.GdbError("sydra: %s" % error) from None

    def lines(self, argument):
        """The lines that the command prints."""
        raise NotImplementedError


class SydraCommand(gdb.Command):
    """Looks into sydra-alloc: whose block is an address, the handles, their epoch domains."""

    def __init__(self):
        super().__init__("sydra", gdb.COMMAND_DATA, prefix=True)


class BlockCommand(Command):
    """sydra block ADDRESS: says whose block this address is, and where the block lies."""

    def lines(self, argument):
        if not argument:
            raise gdb.GdbError("usage: sydra block ADDRESS")
        address = int(gdb.parse_and_eval(argument)) & (1 << 64) - 1
        for word, text in block_lines(address):
            yield "%-8s %s" % (word, text)


class HandlesCommand(Command):
    """sydra handles: lists the live handles.  Deferred blocks count as live."""

    def lines(self, argument):
        live = all_handles()
        if not live:
            yield "no live handle"
        for handle in live:
            blocks, size = handle.live()
            yield "%s: %s live, %s" % (handle, waiting_text(blocks, size),
                                       plural(int(handle.domain["participants"]), "thread"))


class DomainCommand(Command):
    """sydra domain HANDLE: shows the readers and the deferred blocks of a handle.
HANDLE is an expression, or the name of a live handle."""

    def lines(self, argument):
        if not argument:
            raise gdb.GdbError("usage: sydra domain HANDLE")
        live = all_handles()
        named = [handle for handle in live if handle.name == argument.strip('"')]
        if not named:
            address = int(gdb.parse_and_eval(argument))
            named = [handle for handle in live if handle.address == address]
        if not named:
            raise gdb.GdbError("sydra: no live handle is at 0x%x; see: sydra handles" % address)
        return [domain_text(handle.domain) for handle in named]


def printer_of(text):
    """A pretty printer that prints what the function says."""
    class Printer:
        """Prints one struct."""

        def __init__(self, value):
            self.value = value

        def to_string(self):
            """The struct as text."""
            return text(self.value)

    return Printer


def register():
    """Registers commands and printers."""
    printers = gdb.printing.RegexpCollectionPrettyPrinter("sydra-alloc")
    for name, text in (("sy_magazine", magazine_text), ("sy_slab", slab_text),
                       ("sy_cache", cache_text), ("sy_domain", domain_text)):
        printers.add_printer(name, "^%s$" % name, printer_of(text))
    gdb.printing.register_pretty_printer(None, printers, replace=True)
    SydraCommand()
    BlockCommand("sydra block")
    HandlesCommand("sydra handles")
    DomainCommand("sydra domain")


register()
