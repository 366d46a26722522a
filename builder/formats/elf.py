"""Just enough of ELF to say what a byte in an executable belongs to."""

import struct
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\x7fELF"
_CLASS_64 = 2
_NO_BITS = 8  # SHT_NOBITS: occupies no bytes of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of an ELF file and the bytes of the file that it occupies."""

    name: str
    start: int
    size_bytes: int


def sections(path: Path) -> tuple[Section, ...]:
    """The sections of a little-endian ELF file, none where `path` is something else or cut (System V ABI, chapter 4)."""
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        return ()
    try:
        return _sections(data)
    except (IndexError, ValueError, struct.error):
        return ()


def _sections(data: bytes) -> tuple[Section, ...]:
    wide = data[4] == _CLASS_64
    table, entry_size, count, names_index = _table(data, wide=wide)
    layout = "<IIQQQQ" if wide else "<IIIIII"
    headers = [struct.unpack_from(layout, data, table + number * entry_size) for number in range(count)]
    names = headers[names_index][4] if headers else 0
    return tuple(
        Section(name=_name(data, names + name), start=offset, size_bytes=size)
        for name, kind, _, _, offset, size in headers
        if kind != _NO_BITS
    )


def _table(data: bytes, *, wide: bool) -> tuple[int, int, int, int]:
    """Offset of the section table, size of an entry, number of entries, index of the section with the names."""
    offset = struct.unpack_from("<Q", data, 0x28)[0] if wide else struct.unpack_from("<I", data, 0x20)[0]
    entry_size, count, names_index = struct.unpack_from("<HHH", data, 0x3A if wide else 0x2E)
    return offset, entry_size, count, names_index


def _name(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode(errors="replace")
