"""What a disk was told to write, in its order, and the disk as it stood at any moment of that.

QEMU's driver blklogwrites writes the log in the format of Linux' dm-log-writes (Documentation/admin-guide/device-mapper/
log-writes.rst, drivers/md/dm-log-writes.c): a sector with a header, then for each request a sector that describes it, and
its data. All numbers are little-endian.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.files import write_all

_MAGIC = 0x6A736677736872
_VERSION = 1
# magic, version, number of entries (which a log that was cut off does not know), size of a sector
_HEADER = struct.Struct("<QQQI")
# sector, number of sectors, flags, length of a mark's data
_ENTRY = struct.Struct("<QQQQ")
_CHUNK_BYTES = 1 << 20


class Flag(IntFlag):
    """What a request was, beside a write."""

    FLUSH = 1
    FUA = 2
    DISCARD = 4
    MARK = 8
    METADATA = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request: bytes of the disk, and where in the log their content lies."""

    offset_bytes: int
    size_bytes: int
    flags: Flag
    data_offset: int

    @property
    def has_data(self) -> bool:
        """Whether the log holds the content: discarded bytes have none, marks are no requests."""
        return not self.flags & (Flag.DISCARD | Flag.MARK)

    @property
    def is_flush(self) -> bool:
        """Whether all requests before it are on the disk when it is done."""
        return bool(self.flags & Flag.FLUSH)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLog:
    """A log that was read: the requests in their order, as far as they are complete."""

    path: Path
    entries: Sequence[Entry]

    @property
    def flush_points(self) -> list[int]:
        """How many entries had been made at each flush, the flush among them."""
        return [index for index, entry in enumerate(self.entries, 1) if entry.is_flush]

    def replay(self, disk: Path, start: int, end: int) -> None:
        """Do to `disk`, which stands as it did after `start` entries, what the entries up to `end` say.

        Discarded bytes become zeros.
        """
        target = os.open(disk, os.O_WRONLY | os.O_CLOEXEC)
        try:
            with self.path.open("rb") as log:
                for entry in self.entries[start:end]:
                    os.lseek(target, entry.offset_bytes, os.SEEK_SET)
                    for piece in _content(log.fileno(), entry):
                        write_all(target, piece)
        finally:
            os.close(target)


def read_write_log(path: Path) -> WriteLog:
    """The log at `path`; `BuilderError` where it is none."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        header = stream.read(_HEADER.size)
        magic, version, _, sector = _HEADER.unpack(header.ljust(_HEADER.size, b"\0"))
        if (magic, version) != (_MAGIC, _VERSION) or sector < _ENTRY.size:
            raise BuilderError(f"{path} is no log of a disk's writes in version {_VERSION} of its format")
        entries = tuple(_entries(stream.fileno(), sector, size))
    return WriteLog(path=path, entries=entries)


def _entries(log: int, sector: int, size: int) -> Iterator[Entry]:
    position = sector
    while position + sector <= size:
        first, count, flags, mark_bytes = _ENTRY.unpack(os.pread(log, _ENTRY.size, position))
        if not (first or count or flags):
            return  # room that was never written
        entry = Entry(
            offset_bytes=first * sector, size_bytes=count * sector, flags=Flag(flags), data_offset=position + sector
        )
        position += sector
        if entry.flags & Flag.MARK:
            position += -(-mark_bytes // sector) * sector
        elif entry.has_data:
            position += entry.size_bytes
        if position > size:
            return  # the machine ended while this was written
        yield entry


def _content(log: int, entry: Entry) -> Iterator[bytes]:
    if entry.flags & Flag.MARK:
        return
    for start in range(0, entry.size_bytes, _CHUNK_BYTES):
        length = min(_CHUNK_BYTES, entry.size_bytes - start)
        yield os.pread(log, length, entry.data_offset + start) if entry.has_data else bytes(length)
