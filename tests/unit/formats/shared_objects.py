"""Small dynamic ELF files, written without a linker: they hold what loaders and ldconfig read, and no code."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from builder.core.arch import ARCH_FACTS, Arch

_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_NEEDED, _STRTAB, _STRSZ, _SONAME, _RUNPATH = 1, 5, 10, 14, 29
_ARM_EABI5, _ARM_HARD_FLOAT = 0x05000000, 0x00000400


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedObject:
    """What the file asks for; `hard_float` is whether an ARM file says how it passes floating-point numbers."""

    arch: Arch
    soname: str = ""
    needed: Sequence[str] = ()
    runpath: str = ""
    interpreter: str = ""
    hard_float: bool = True

    def data(self) -> bytes:
        wide = self.arch is not Arch.ARMV7
        headers, header_size, row_size = (3 if self.interpreter else 2), (64 if wide else 52), (56 if wide else 32)
        interpreter = self.interpreter.encode() + b"\0" if self.interpreter else b""
        strings, entries = self._strings()
        start = header_size + headers * row_size
        strings_at = start + len(interpreter)
        dynamic_at = (strings_at + len(strings) + 7) // 8 * 8
        rows = [*entries, (_STRTAB, strings_at), (_STRSZ, len(strings)), (0, 0)]
        dynamic = b"".join(struct.pack("<QQ" if wide else "<II", *row) for row in rows)
        size = dynamic_at + len(dynamic)
        segments = [(_LOAD, 0, size), (_DYNAMIC, dynamic_at, len(dynamic))]
        if interpreter:
            segments.append((_INTERP, start, len(interpreter)))
        table = b"".join(_segment(kind, at, length, wide=wide) for kind, at, length in segments)
        body = table + interpreter + strings
        return (
            self._header(header_size, row_size, headers)
            + body
            + bytes(dynamic_at - start - len(body) + len(table))
            + dynamic
        )

    def _strings(self) -> tuple[bytes, list[tuple[int, int]]]:
        table, entries = b"\0", []
        wanted = [(_NEEDED, one) for one in self.needed] + [(_SONAME, self.soname), (_RUNPATH, self.runpath)]
        for tag, text in wanted:
            if text:
                entries.append((tag, len(table)))
                table += text.encode() + b"\0"
        return table, entries

    def _header(self, size: int, row_size: int, rows: int) -> bytes:
        wide = self.arch is not Arch.ARMV7
        flags = 0
        if self.arch is Arch.ARMV7:
            flags = _ARM_EABI5 | (_ARM_HARD_FLOAT if self.hard_float else 0)
        identification = struct.pack("<4sBBB9x", b"\x7fELF", 2 if wide else 1, 1, 1)
        layout = "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH"
        machine = ARCH_FACTS[self.arch].elf_machine
        return identification + struct.pack(layout, 3, machine, 1, 0, size, 0, flags, size, row_size, rows, 0, 0, 0)


def _segment(kind: int, at: int, length: int, *, wide: bool) -> bytes:
    if wide:
        return struct.pack("<IIQQQQQQ", kind, 4, at, at, at, length, length, 8)
    return struct.pack("<IIIIIIII", kind, at, at, at, length, length, 4, 8)
