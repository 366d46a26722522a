"""Files with holes."""

from pathlib import Path

import pytest

from builder.io.sparse import copy_sparsely, write_sparsely

KIB = 1024


def used(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_zeros_take_no_room(tmp_path: Path) -> None:
    pieces = [bytes(300 * KIB), b"x" * 10, bytes(1024 * KIB), b"y"]
    assert write_sparsely(tmp_path / "f", pieces) == sum(map(len, pieces))
    assert (tmp_path / "f").read_bytes() == b"".join(pieces)
    assert used(tmp_path / "f") < 512 * KIB


def test_zeros_at_the_end_count(tmp_path: Path) -> None:
    write_sparsely(tmp_path / "f", [b"x", bytes(5000 * KIB)])
    assert (tmp_path / "f").stat().st_size == 5000 * KIB + 1


def test_holes_stay_and_zeros_become_holes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as stream:
        stream.seek(20 << 20)
        stream.write(b"data" + bytes(2 << 20))
        stream.truncate(64 << 20)
    copy_sparsely(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert used(tmp_path / "copy") < used(source)


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    def broken() -> "list[bytes]":
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        write_sparsely(tmp_path / "f", (piece for _ in range(1) for piece in broken()))
    assert not (tmp_path / "f").exists()


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    with pytest.raises(FileExistsError):
        write_sparsely(tmp_path / "f", [b"new"])
    assert (tmp_path / "f").read_text() == "old"


def test_a_part_of_a_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as stream:
        stream.write(b"abc")
        stream.truncate(20 << 20)
        stream.seek(20 << 20)
        stream.write(b"xyz")
    for start, size in ((1, 5), (2, 20 << 20), ((20 << 20) + 1, 2), (5 << 20, 9 << 20)):
        copy_sparsely(source, tmp_path / "part", start=start, size=size)
        assert (tmp_path / "part").read_bytes() == source.read_bytes()[start : start + size]
        (tmp_path / "part").unlink()
