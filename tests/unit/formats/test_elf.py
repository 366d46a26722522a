import struct
from pathlib import Path

import pytest

from builder.formats.elf import Section, sections

NAMES = b"\0.text\0.bss\0.shstrtab\0"
NO_BITS = 8
PROGRAM_BITS = 1
STRINGS = 3


def elf(*, wide: bool) -> bytes:
    """An ELF file of three sections: .text of 4 bytes, .bss without bytes, the names."""
    header_size, entry_size = (64, 64) if wide else (52, 40)
    text, names = header_size, header_size + 4
    table = names + len(NAMES)
    rows = [(1, PROGRAM_BITS, text, 4), (7, NO_BITS, names, 1 << 20), (12, STRINGS, names, len(NAMES))]
    if wide:
        header = struct.pack(
            "<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 2, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2
        )
        body = b"".join(struct.pack("<IIQQQQ16x8x", name, kind, 0, 0, at, size) for name, kind, at, size in rows)
    else:
        header = struct.pack(
            "<4sBBBB8xHHIIIIIHHHHHH", b"\x7fELF", 1, 1, 1, 0, 2, 40, 1, 0, 0, table, 0, 52, 0, 0, 40, 3, 2
        )
        body = b"".join(struct.pack("<IIIIII16x", name, kind, 0, 0, at, size) for name, kind, at, size in rows)
    assert len(header) == header_size
    assert len(body) == 3 * entry_size
    return header + b"CODE" + NAMES + body


@pytest.mark.parametrize("wide", [True, False])
def test_sections_that_occupy_bytes(tmp_path: Path, wide: bool) -> None:
    path = tmp_path / "program"
    path.write_bytes(elf(wide=wide))
    start = 64 if wide else 52
    assert sections(path) == (
        Section(name=".text", start=start, size_bytes=4),
        Section(name=".shstrtab", start=start + 4, size_bytes=len(NAMES)),
    )


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fEL"])
def test_what_is_no_elf_has_no_sections(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sections(path) == ()


@pytest.mark.parametrize("wide", [True, False])
def test_a_cut_file_has_no_sections(tmp_path: Path, wide: bool) -> None:
    path = tmp_path / "program"
    whole = elf(wide=wide)
    for length in range(4, len(whole) - 25, 7):
        path.write_bytes(whole[:length])
        assert sections(path) == ()
