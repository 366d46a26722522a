"""What a dynamic executable or library asks the loader for (System V ABI, chapter 5)."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from builder.formats.elf.reader import ElfError, ElfFile, SegmentType

_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 10, 14, 15, 29
# Far above what linkers write, so that damaged sizes cost no memory.
_MOST_TABLE_BYTES = 1 << 20
_MOST_STRING_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """`interpreter` is empty without PT_INTERP, `soname` without DT_SONAME; `search_paths` are those of DT_RPATH and DT_RUNPATH.

    `damage` tells what could not be read of it.
    """

    interpreter: str
    soname: str
    needed: tuple[str, ...]
    search_paths: tuple[str, ...]
    damage: tuple[str, ...]


def read_dynamic(elf: ElfFile) -> Dynamic:
    """What `elf` asks the loader for; all empty in a static executable."""
    interpreter = ""
    texts: dict[int, list[str]] = {}
    damage: list[str] = []
    try:
        interpreter = _interpreter(elf)
    except ElfError as error:
        damage.append(str(error))
    try:
        for tag, text in _strings(elf):
            texts.setdefault(tag, []).append(text)
    except ElfError as error:
        damage.append(str(error))
    return Dynamic(
        interpreter=interpreter,
        soname=next(iter(texts.get(_SONAME, ())), ""),
        needed=tuple(texts.get(_NEEDED, ())),
        search_paths=(*texts.get(_RPATH, ()), *texts.get(_RUNPATH, ())),
        damage=tuple(damage),
    )


def _interpreter(elf: ElfFile) -> str:
    for segment in elf.segments_of(SegmentType.INTERPRETER):
        name = elf.read(
            segment.start, min(segment.size_bytes, os.pathconf("/", "PC_PATH_MAX")), "the interpreter's name"
        )
        return _text(name, 0, what="the interpreter's name") or "an empty name"
    return ""


def _strings(elf: ElfFile) -> Iterator[tuple[int, str]]:
    entries = list(_entries(elf))
    wanted = [(tag, value) for tag, value in entries if tag in (_NEEDED, _SONAME, _RPATH, _RUNPATH)]
    if not wanted:
        return
    values = dict(entries)
    if _STRTAB not in values or _STRSZ not in values:
        raise ElfError("dynamic section: it names libraries, but no table of strings")
    start = _in_file(elf, values[_STRTAB])
    strings = elf.read(start, min(values[_STRSZ], _MOST_STRING_BYTES), "dynamic strings")
    for tag, value in wanted:
        yield tag, _text(strings, value, what="dynamic strings")


def _entries(elf: ElfFile) -> Iterator[tuple[int, int]]:
    layout, size = ("QQ", 16) if elf.wide else ("II", 8)
    for segment in elf.segments_of(SegmentType.DYNAMIC):
        data = elf.read(segment.start, min(segment.size_bytes, _MOST_TABLE_BYTES), "the dynamic section")
        for start in range(0, len(data) - size + 1, size):
            tag, value = elf.unpack(layout, data, start)
            if tag == _NULL:
                return
            yield tag, value


def _in_file(elf: ElfFile, address: int) -> int:
    for segment in elf.segments_of(SegmentType.LOAD):
        if segment.address <= address < segment.address + segment.size_bytes:
            return address - segment.address + segment.start
    raise ElfError(f"dynamic section: address {address:#x} is in no segment of the file")


def _text(data: bytes, start: int, *, what: str) -> str:
    end = data.find(b"\0", start)
    if start >= len(data) or end < 0:
        raise ElfError(f"{what}: no end of the text at byte {start} of {len(data)}")
    return data[start:end].decode(errors="replace")
