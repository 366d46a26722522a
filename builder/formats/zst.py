"""The outside of Zstandard files (RFC 8878): whether they end where they say, without unpacking them.

No reader of the zstandard package tells a file that was cut off from one that ends.
"""

import os
import struct
from dataclasses import dataclass

_MAGIC, _SKIPPABLE, _SKIPPABLE_MASK = 0xFD2FB528, 0x184D2A50, 0xFFFFFFF0
_DICTIONARY_BYTES = (0, 1, 2, 4)
_CONTENT_BYTES = (0, 2, 4, 8)
_RLE, _RESERVED = 1, 3


class ZstError(ValueError):
    """A file that is not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What the frames of a file say: the bytes that they unpack to, None where one of them does not tell."""

    content_bytes: int | None


def outline(descriptor: int) -> Outline:
    """Look from block to block through the whole file; `ZstError` where it is cut off or is no such file."""
    size = os.fstat(descriptor).st_size
    position, content = 0, [0]
    known = True
    while position < size:
        position, told = _frame(descriptor, position)
        known = known and told is not None
        content.append(told or 0)
        if position > size:
            raise ZstError("it ends too early")
    return Outline(content_bytes=sum(content) if known else None)


def _frame(descriptor: int, position: int) -> tuple[int, int | None]:
    """Where the frame at `position` ends, and the size of its content."""
    (magic,) = struct.unpack("<I", _take(descriptor, position, 4))
    position += 4
    if magic & _SKIPPABLE_MASK == _SKIPPABLE:
        (length,) = struct.unpack("<I", _take(descriptor, position, 4))
        return position + 4 + length, 0
    if magic != _MAGIC:
        raise ZstError(f"something else follows at byte {position - 4}")
    (flags,) = _take(descriptor, position, 1)
    single, has_checksum = bool(flags & 0x20), bool(flags & 0x04)
    position += 1 + (not single) + _DICTIONARY_BYTES[flags & 3]
    field = _CONTENT_BYTES[flags >> 6] or (1 if single else 0)
    told = int.from_bytes(_take(descriptor, position, field), "little") if field else None
    if told is not None and field == 2:  # noqa: PLR2004 - RFC 8878, 3.1.1.1.4: two bytes count from 256
        told += 256
    return _blocks(descriptor, position + field) + (4 if has_checksum else 0), told


def _blocks(descriptor: int, position: int) -> int:
    """Where the blocks that begin at `position` end."""
    while True:
        header = int.from_bytes(_take(descriptor, position, 3), "little")
        kind, length = header >> 1 & 3, header >> 3
        if kind == _RESERVED:
            raise ZstError(f"there is no such block as at byte {position}")
        position += 3 + (1 if kind == _RLE else length)
        if header & 1:
            return position


def _take(descriptor: int, position: int, count: int) -> bytes:
    data = os.pread(descriptor, count, position)
    if len(data) < count:
        raise ZstError("it ends too early")
    return data
