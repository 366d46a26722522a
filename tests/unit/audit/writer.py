"""Writes small ELF files, good and bad ones."""

import struct
from dataclasses import dataclass, field, replace
from typing import Self

from builder.core.arch import ARCH_FACTS, Arch
from builder.formats.elf import SegmentType

READ, WRITE, EXECUTE = 4, 2, 1
CODE_ADDRESS = 0x10000
STRINGS_ADDRESS = 0x20000
EABI5_HARD, EABI5_SOFT, EABI5_GO = 0x05000400, 0x05000200, 0x05000002


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A segment (of a kind, with flags, at an address) or a section (with a name)."""

    data: bytes = b""
    kind: int = 1
    flags: int = READ
    address: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """An ELF file; `good` makes a sound static executable."""

    wide: bool
    machine: int
    little: bool = True
    kind: int = 2
    flags: int = 0
    entry: int = CODE_ADDRESS
    segments: tuple[Part, ...] = ()
    sections: tuple[Part, ...] = ()
    appended: bytes = field(default=b"", repr=False)

    @classmethod
    def good(cls, arch: Arch, kind: int = 2, entry: int = CODE_ADDRESS, appended: bytes = b"") -> Self:
        code = Part(data=b"CODE", flags=READ | EXECUTE, address=CODE_ADDRESS)
        stack = Part(kind=SegmentType.GNU_STACK, flags=READ | WRITE)
        return cls(
            wide=arch is not Arch.ARMV7,
            machine=ARCH_FACTS[arch].elf_machine,
            flags=EABI5_HARD if arch is Arch.ARMV7 else 0,
            segments=(code, stack),
            sections=(Part(name=".text", data=b"TEXT"),),
            kind=kind,
            entry=entry,
            appended=appended,
        )

    def with_segments(self, *more: Part) -> Self:
        return replace(self, segments=(*self.segments, *more))

    def with_sections(self, *more: Part) -> Self:
        return replace(self, sections=(*self.sections, *more))

    def dynamic(self, *entries: tuple[int, str], interpreter: str = "") -> Self:
        """With a dynamic section of `entries` (tag, text)."""
        texts, rows = b"\0", []
        for tag, text in entries:
            rows.append((tag, len(texts)))
            texts += text.encode() + b"\0"
        rows += [(5, STRINGS_ADDRESS), (10, len(texts)), (0, 0)]
        order = ("<" if self.little else ">") + ("QQ" if self.wide else "II")
        table = b"".join(struct.pack(order, *row) for row in rows)
        parts = [Part(data=texts, address=STRINGS_ADDRESS), Part(kind=SegmentType.DYNAMIC, data=table)]
        if interpreter:
            parts.append(Part(kind=SegmentType.INTERPRETER, data=interpreter.encode() + b"\0"))
        return self.with_segments(*parts)

    def build(self) -> bytes:
        order = "<" if self.little else ">"
        header_size, segment_size, section_size = (64, 56, 64) if self.wide else (52, 32, 40)
        names = b"\0" + b"".join(part.name.encode() + b"\0" for part in self.sections) + b".shstrtab\0"
        sections = (*self.sections, Part(name=".shstrtab", data=names, kind=3))
        body, places = b"", []
        start = header_size + segment_size * len(self.segments)
        for part in (*self.segments, *sections):
            places.append(start + len(body))
            body += part.data
        rows = b"".join(self._segment(order, part, place) for part, place in zip(self.segments, places, strict=False))
        table = b"\0" * section_size
        for part, place in zip(sections, places[len(self.segments) :], strict=True):
            table += self._section(order, names.index(part.name.encode() + b"\0"), part, place)
        identification = b"\x7fELF" + bytes([2 if self.wide else 1, 1 if self.little else 2, 1]) + bytes(9)
        header = struct.pack(
            order + ("HHIQQQIHHHHHH" if self.wide else "HHIIIIIHHHHHH"),
            *(self.kind, self.machine, 1, self.entry, header_size, start + len(body), self.flags),
            *(header_size, segment_size, len(self.segments), section_size, len(sections) + 1, len(sections)),
        )
        return identification + header + rows + body + table + self.appended

    def _segment(self, order: str, part: Part, place: int) -> bytes:
        size = len(part.data)
        if self.wide:
            row = (part.kind, part.flags, place, part.address, 0, size, size, 1)
            return struct.pack(order + "IIQQQQQQ", *row)
        return struct.pack(order + "IIIIIIII", part.kind, place, part.address, 0, size, size, part.flags, 1)

    def _section(self, order: str, name: int, part: Part, place: int) -> bytes:
        row = (name, part.kind, 0, 0, place, len(part.data), 0, 0, 1, 0)
        return struct.pack(order + ("IIQQQQIIQQ" if self.wide else "IIIIIIIIII"), *row)


def go_info_section(version: str, text: str, *, pointer_size: int = 8) -> Part:
    """The section that the Go linker writes."""
    modules = (
        b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6"
        + text.encode()
        + b"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2"
    )
    header = b"\xff Go buildinf:" + bytes([pointer_size, 2]) + bytes(16)
    data = header + b"".join(_varint(len(part)) + part for part in (version.encode(), modules))
    return Part(name=".go.buildinfo", data=data)


def attributes(*tags: tuple[int, int | str]) -> Part:
    """A section .ARM.attributes."""
    body = b"".join(
        bytes([tag]) + (value.encode() + b"\0" if isinstance(value, str) else bytes([value])) for tag, value in tags
    )
    file = bytes([1]) + struct.pack("<I", len(body) + 5) + body
    vendor = struct.pack("<I", len(file) + 10) + b"aeabi\0" + file
    return Part(name=".ARM.attributes", data=b"A" + vendor)


def _varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
