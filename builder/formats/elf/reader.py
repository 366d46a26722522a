"""Reads an ELF file's tables and nothing else, so that its size does not matter; damage is told, never a traceback.

Own code, where pyelftools would do as well on speed: its first damaged table ends the reading, while an audit wants to
tell everything that is wrong at once, and it is untyped.
"""

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Protocol

MAGIC = b"\x7fELF"
_CLASS_32, _CLASS_64 = 1, 2
_LITTLE, _BIG = 1, 2
_IDENTIFICATION_BYTES = 16
_NO_BITS = 8  # SHT_NOBITS: occupies no bytes of the file
# Names of sections: far above what linkers write, so that a damaged size costs no memory.
_MOST_NAME_BYTES = 1 << 20


class ElfError(ValueError):
    """A part of the file that cannot be what the file itself says; the message tells which part, and where."""


class ByteSource(Protocol):
    """Where the bytes of a file are read from: a disk, or a part of an archive."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        """All of them, or at most `size_bytes` from `offset` on."""


class FileType(IntEnum):
    """`e_type`."""

    RELOCATABLE = 1
    EXECUTABLE = 2
    SHARED = 3
    CORE = 4


class SegmentType(IntEnum):
    """`p_type`, of the segments that matter here."""

    LOAD = 1
    DYNAMIC = 2
    INTERPRETER = 3
    GNU_STACK = 0x6474E551


class SegmentFlag(IntFlag):
    """`p_flags`."""

    EXECUTABLE = 1
    WRITABLE = 2
    READABLE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A row of the program header: `start` and `size_bytes` in the file, `address` in memory."""

    kind: int
    flags: int
    start: int
    size_bytes: int
    address: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of an ELF file and the bytes of the file that it occupies."""

    name: str
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where things lie, which differs between the two classes (System V ABI, figures 4-3 and 4-9; ELF-64, 3 to 5)."""

    header: str
    segment: str
    section: str
    segment_order: Callable[[tuple[int, ...]], Segment]


_LAYOUTS = {
    False: _Layout(
        header="HHIIIIIHHHHHH",
        segment="IIIIIIII",
        section="IIIIIIIIII",
        segment_order=lambda row: Segment(kind=row[0], start=row[1], address=row[2], size_bytes=row[4], flags=row[6]),
    ),
    True: _Layout(
        header="HHIQQQIHHHHHH",
        segment="IIQQQQQQ",
        section="IIQQQQIIQQ",
        segment_order=lambda row: Segment(kind=row[0], flags=row[1], start=row[2], address=row[3], size_bytes=row[5]),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFile:
    """An open ELF file.

    `kind` is `e_type`, `entry` the address where it starts, `flags` is `e_flags`. `damage` tells what of its tables could not
    be read; `segments` and `sections` hold the rest, the latter without those that occupy no bytes. `end` is where the file
    could end: what follows was appended and is no part of the program.
    """

    source: ByteSource = field(repr=False)
    size_bytes: int
    wide: bool
    little: bool
    kind: int
    machine: int
    entry: int
    flags: int
    end: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    damage: tuple[str, ...]

    def read(self, start: int, size_bytes: int, what: str) -> bytes:
        """The bytes of the file that `what` occupies; `ElfError` where the file ends before."""
        return _read(self.source, start, size_bytes, what=what)

    def unpack(self, layout: str, data: bytes, start: int = 0) -> tuple[int, ...]:
        """Integers in the file's byte order."""
        return struct.unpack_from(("<" if self.little else ">") + layout, data, start)

    def segments_of(self, kind: SegmentType) -> tuple[Segment, ...]:
        """The segments of one type."""
        return tuple(segment for segment in self.segments if segment.kind == kind)

    def section(self, name: str) -> Section | None:
        """The section called `name`."""
        return next((section for section in self.sections if section.name == name), None)


@contextmanager
def open_elf(path: Path) -> Iterator[ElfFile]:
    """The ELF file at `path`; `ElfError` where its header cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield read_elf(_Descriptor(descriptor))
    finally:
        os.close(descriptor)


def sections(path: Path) -> tuple[Section, ...]:
    """The sections of an ELF file that occupy bytes; none where `path` is something else or cut."""
    try:
        with open_elf(path) as elf:
            return elf.sections
    except ElfError:
        return ()


def read_elf(source: ByteSource) -> ElfFile:
    """The ELF file whose bytes come from `source`; `ElfError` where its header cannot be read."""
    size_bytes = source.size_bytes
    identification = _read(source, 0, _IDENTIFICATION_BYTES, what="the ELF header")
    if not identification.startswith(MAGIC):
        raise ElfError("not an ELF file")
    if identification[4] not in (_CLASS_32, _CLASS_64) or identification[5] not in (_LITTLE, _BIG):
        raise ElfError(f"unknown ELF class {identification[4]} or byte order {identification[5]}")
    tables = _Tables(
        source=source,
        layout=_LAYOUTS[identification[4] == _CLASS_64],
        order="<" if identification[5] == _LITTLE else ">",
    )
    kind, machine, _, entry, segment_table, section_table, flags, _, *counts = tables.header()
    segment_size, segment_count, section_size, section_count, names = counts
    segments, segment_damage = tables.segments(segment_table, segment_size, segment_count)
    found, section_damage = tables.sections(section_table, section_size, section_count, names)
    damage = [*segment_damage, *section_damage, *_outside(segments, found, size_bytes)]
    table_ends = (segment_table + segment_size * segment_count, section_table + section_size * section_count)
    part_ends = [one.start + one.size_bytes for one in segments] + [one.start + one.size_bytes for one in found]
    return ElfFile(
        source=source,
        size_bytes=size_bytes,
        wide=identification[4] == _CLASS_64,
        little=identification[5] == _LITTLE,
        kind=kind,
        machine=machine,
        entry=entry,
        flags=flags,
        end=min(max(*table_ends, *part_ends), size_bytes),
        segments=segments,
        sections=found,
        damage=tuple(damage),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """Reads the tables of one file; each comes with the damage that kept it from being whole."""

    source: ByteSource
    layout: _Layout
    order: str

    def header(self) -> tuple[int, ...]:
        size = struct.calcsize(self.order + self.layout.header)
        data = _read(self.source, _IDENTIFICATION_BYTES, size, what="the ELF header")
        return struct.unpack(self.order + self.layout.header, data)

    def segments(self, start: int, entry_size: int, count: int) -> tuple[tuple[Segment, ...], list[str]]:
        rows, damage = self._rows(self.layout.segment, start, entry_size, count, what="program header")
        return tuple(self.layout.segment_order(row) for row in rows), damage

    def sections(
        self, start: int, entry_size: int, count: int, names_index: int
    ) -> tuple[tuple[Section, ...], list[str]]:
        rows, damage = self._rows(self.layout.section, start, entry_size, count, what="section header")
        if not rows:
            return (), damage
        if names_index >= len(rows):
            return (), [f"section header: the names are in section {names_index} of {len(rows)}"]
        start, size_bytes = rows[names_index][4:6]
        try:
            names = _read(self.source, start, min(size_bytes, _MOST_NAME_BYTES), what="section names")
        except ElfError as error:
            return (), [*damage, str(error)]
        found = (
            Section(name=_name(names, row[0]), start=row[4], size_bytes=row[5]) for row in rows if row[1] != _NO_BITS
        )
        return tuple(section for section in found if section.name or section.size_bytes), damage

    def _rows(
        self, layout: str, start: int, entry_size: int, count: int, *, what: str
    ) -> tuple[list[tuple[int, ...]], list[str]]:
        layout = self.order + layout
        if not count:
            return [], []
        if entry_size != struct.calcsize(layout):
            return [], [f"{what}: entries of {entry_size} bytes, not {struct.calcsize(layout)}"]
        try:
            data = _read(self.source, start, count * entry_size, what=what)
        except ElfError as error:
            return [], [str(error)]
        return list(struct.iter_unpack(layout, data)), []


def _outside(segments: tuple[Segment, ...], found: tuple[Section, ...], size_bytes: int) -> Iterator[str]:
    for number, segment in enumerate(segments):
        if segment.size_bytes and segment.start + segment.size_bytes > size_bytes:
            yield f"segment {number} ends at byte {segment.start + segment.size_bytes} of {size_bytes}: the file is cut"
    for section in found:
        if section.size_bytes and section.start + section.size_bytes > size_bytes:
            end = section.start + section.size_bytes
            yield f"section {section.name} ends at byte {end} of {size_bytes}: the file is cut"


def _name(names: bytes, start: int) -> str:
    end = names.find(b"\0", start)
    return names[start : end if end >= 0 else len(names)].decode(errors="replace")


def _read(source: ByteSource, start: int, size_bytes: int, *, what: str) -> bytes:
    # Compared before reading: a damaged size must not become an allocation.
    whole = source.size_bytes
    if start + size_bytes > whole:
        raise ElfError(f"{what}: {size_bytes} bytes at {start}, but the file has {whole}: it is cut or damaged")
    data = source.read(size_bytes, start)
    if len(data) != size_bytes:
        raise ElfError(f"{what}: only {len(data)} of {size_bytes} bytes could be read")
    return data


@dataclass(frozen=True, slots=True)
class _Descriptor:
    """The bytes of an open file."""

    descriptor: int

    @property
    def size_bytes(self) -> int:
        return os.fstat(self.descriptor).st_size

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        return os.pread(self.descriptor, self.size_bytes - offset if size_bytes is None else size_bytes, offset)
