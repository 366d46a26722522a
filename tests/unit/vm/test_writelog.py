"""Logs of writes, written here by the description of the format; QEMU's own are in tests/integration/vm."""

import struct
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.vm.writelog import Flag, WriteLog, read_write_log

SECTOR = 512


def entry(first: int, count: int, flags: int = 0, data: bytes = b"", mark: int = 0) -> bytes:
    return struct.pack("<QQQQ", first, count, flags, mark).ljust(SECTOR, b"\0") + data


def log_of(
    path: Path, *parts: bytes, sector: int = SECTOR, magic: int = 0x6A736677736872, version: int = 1
) -> WriteLog:
    path.write_bytes(struct.pack("<QQQI", magic, version, 0, sector).ljust(sector, b"\0") + b"".join(parts))
    return read_write_log(path)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    (tmp_path / "disk").write_bytes(b"-" * 8 * SECTOR)
    return tmp_path / "disk"


def letters(disk: Path) -> str:
    """The first letter of every sector."""
    return "".join(map(chr, disk.read_bytes()[::SECTOR])).replace("\0", "0")


def test_the_disk_at_every_moment(tmp_path: Path, disk: Path) -> None:
    log = log_of(
        tmp_path / "log",
        entry(1, 2, data=b"a" * 2 * SECTOR),
        entry(0, 0, Flag.FLUSH),
        entry(2, 1, Flag.FUA, data=b"b" * SECTOR),
        entry(0, 0, Flag.MARK, data=b"mark".ljust(SECTOR, b"\0"), mark=4),
        entry(4, 4, Flag.DISCARD),
        entry(0, 1, Flag.FLUSH | Flag.FUA, data=b"c" * SECTOR),
    )
    assert log.flush_points == [2, 6]
    seen = [letters(disk)]
    for end in range(1, 7):
        log.replay(disk, end - 1, end)
        seen.append(letters(disk))
    assert seen == ["--------", "-aa-----", "-aa-----", "-ab-----", "-ab-----", "-ab-0000", "cab-0000"]


def test_a_log_that_was_cut_off_ends_with_its_last_complete_entry(tmp_path: Path) -> None:
    whole, cut = entry(1, 1, data=b"a" * SECTOR), entry(2, 4, data=b"b" * SECTOR)
    assert len(log_of(tmp_path / "log", whole, cut).entries) == 1
    assert len(log_of(tmp_path / "log", whole, cut[:100]).entries) == 1


def test_room_that_was_never_written_is_no_entry(tmp_path: Path) -> None:
    assert len(log_of(tmp_path / "log", entry(0, 0, Flag.FLUSH), bytes(4096)).entries) == 1


def test_larger_sectors(tmp_path: Path, disk: Path) -> None:
    log = log_of(tmp_path / "log", entry(1, 1, data=b"").ljust(1024, b"\0") + b"x" * 1024, sector=1024)
    log.replay(disk, 0, 1)
    assert letters(disk) == "--xx----"


@pytest.mark.parametrize("wrong", [{"magic": 1}, {"version": 2}, {"sector": 8}])
def test_what_is_no_log_is_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(BuilderError, match="is no log of a disk's writes"):
        log_of(tmp_path / "log", bytes(4096), **wrong)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(BuilderError, match="is no log"):
        read_write_log(tmp_path / "log")
