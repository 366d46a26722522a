import os
from pathlib import Path

import pytest
import zstandard

from builder.formats.zst import ZstError, outline

CONTENT = os.urandom(300_000) + bytes(5_000_000)
SKIPPABLE = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"


def told(path: Path, data: bytes) -> int | None:
    path.write_bytes(data)
    with path.open("rb") as stream:
        return outline(stream.fileno()).content_bytes


@pytest.mark.parametrize("length", [0, 1, 255, 256, 300, 65_791, 65_792, 5_300_000])
@pytest.mark.parametrize("checksum", [True, False])
def test_sizes(length: int, checksum: bool, tmp_path: Path) -> None:
    packer = zstandard.ZstdCompressor(write_checksum=checksum)
    assert told(tmp_path / "x", packer.compress(CONTENT[:length])) == length


def test_several_frames_and_what_lies_between(tmp_path: Path) -> None:
    data = zstandard.compress(CONTENT) + SKIPPABLE + zstandard.compress(b"end")
    assert told(tmp_path / "x", data) == len(CONTENT) + 3


def test_frames_that_do_not_tell(tmp_path: Path) -> None:
    packer = zstandard.ZstdCompressor(write_content_size=False)
    assert told(tmp_path / "x", packer.compress(CONTENT)) is None


@pytest.mark.parametrize("missing", [1, 3, 4, 5, 100, 100_000, 299_000])
def test_files_that_were_cut_off(missing: int, tmp_path: Path) -> None:
    data = zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT)
    with pytest.raises(ZstError, match="ends too early"):
        told(tmp_path / "x", data[:-missing])


def test_something_else_behind(tmp_path: Path) -> None:
    with pytest.raises(ZstError, match="something else follows"):
        told(tmp_path / "x", zstandard.compress(CONTENT) + b"else")
