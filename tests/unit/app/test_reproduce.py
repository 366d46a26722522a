import sys
from pathlib import Path

import pytest

from builder.app.reproduce import first_difference
from builder.core.errors import BuilderError
from builder.formats.elf import sections


def test_equal_files_have_no_difference(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"x" * (1 << 20) + b"end")
    other.write_bytes(one.read_bytes())
    assert first_difference(one, other) == []


@pytest.mark.parametrize("offset", [0, 5, (1 << 20) - 1, 1 << 20, (1 << 20) + 2])
def test_the_first_differing_byte_is_named(tmp_path: Path, offset: int) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    content = bytearray(b"x" * (1 << 20) + b"end")
    one.write_bytes(content)
    content[offset] ^= 0xFF
    other.write_bytes(content)
    assert f"first difference at byte {offset}" in first_difference(one, other)


def test_a_longer_file_differs_where_the_shorter_one_ends(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"same")
    other.write_bytes(b"same and more")
    told = first_difference(one, other)
    assert told[:2] == ["sizes: 4 and 13 bytes", "first difference at byte 4"]
    assert told[3] == "second build: 20 61 6e 64 20 6d 6f 72 65   and more"


def test_the_section_of_an_executable_is_named(tmp_path: Path) -> None:
    executable = Path(sys.executable).resolve()
    text = next(section for section in sections(executable) if section.name == ".text")
    one, other = tmp_path / "one", tmp_path / "other"
    content = bytearray(executable.read_bytes())
    one.write_bytes(content)
    content[text.start + 7] ^= 0xFF
    other.write_bytes(content)
    assert first_difference(one, other)[1].endswith("in section .text at byte 7")


def test_what_the_second_build_did_not_make_is_named(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x")
    with pytest.raises(BuilderError, match="was not made by the second build"):
        first_difference(tmp_path / "one", tmp_path / "missing")


def test_what_is_no_elf_has_no_sections(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    assert sections(tmp_path / "text") == ()
