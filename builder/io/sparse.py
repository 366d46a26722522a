"""Files with holes: what is all zeros takes no room."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from builder.io.files import write_all

_BLOCK_BYTES = 64 << 10
_CHUNK_BYTES = 4 << 20
_ZEROS = bytes(_BLOCK_BYTES)


def write_sparsely(target: Path, pieces: Iterable[bytes]) -> int:
    """Make the new file `target` of `pieces`; its size in bytes. Nothing is left of it where that fails.

    Small pieces are written as they are: holes are made of zeros within one piece.
    """
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        size = 0
        for piece in pieces:
            for start in range(0, len(piece), _BLOCK_BYTES):
                block = memoryview(piece)[start : start + _BLOCK_BYTES]
                if block == _ZEROS[: len(block)]:
                    os.lseek(descriptor, len(block), os.SEEK_CUR)
                else:
                    write_all(descriptor, block)
            size += len(piece)
        os.ftruncate(descriptor, size)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return size


def copy_sparsely(source: Path, target: Path, *, start: int = 0, size: int | None = None) -> None:
    """Make the new file `target` of `size` bytes of `source` from `start` on, by default all; holes are not read."""
    with source.open("rb", buffering=0) as stream:
        end = os.fstat(stream.fileno()).st_size if size is None else start + size
        write_sparsely(target, _pieces(stream.fileno(), start, end))


def _pieces(descriptor: int, position: int, end: int) -> Iterator[bytes]:
    hole = bytes(_CHUNK_BYTES)
    while position < end:
        data_start = min(_next_data(descriptor, position, end), end)
        while position < data_start:
            length = min(data_start - position, _CHUNK_BYTES)
            position += length
            yield hole if length == _CHUNK_BYTES else bytes(length)
        if position < end and (data := os.pread(descriptor, min(_CHUNK_BYTES, end - position), position)):
            position += len(data)
            yield data


def _next_data(descriptor: int, position: int, end: int) -> int:
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError:  # none behind `position`
        return end
