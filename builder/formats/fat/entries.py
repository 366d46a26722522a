"""Entries of a directory: short names, the long ones before them, and how new ones are made."""

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

ENTRY_BYTES = 32
_FREE, _END, _LONG, _LAST_LONG = 0xE5, 0x00, 0x0F, 0x40
READ_ONLY, VOLUME, DIRECTORY, ARCHIVE = 0x01, 0x08, 0x10, 0x20
# Where the thirteen characters of a long entry lie.
_LONG_RANGES = ((1, 11), (14, 26), (28, 32))
_CHARACTERS = 13
# Name, attributes, creation time and dates and cluster's high half left as they are, then time, date, cluster, size.
_TAIL = struct.Struct("<HHHI")
_SHORT_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or directory; `slot` is the number of its short entry, `first_slot` that of the first one that belongs to it."""

    name: str
    short: bytes
    attributes: int
    cluster: int
    size_bytes: int
    slot: int
    first_slot: int


def read_entries(directory: bytes) -> Iterator[Entry]:
    """What is in `directory`."""
    long: list[tuple[int, str]] = []
    for slot in range(len(directory) // ENTRY_BYTES):
        raw = directory[slot * ENTRY_BYTES :][:ENTRY_BYTES]
        if raw[0] == _END:
            return
        attributes = raw[11]
        if raw[0] == _FREE:
            long = []
        elif attributes & 0x3F == _LONG:
            if raw[0] & _LAST_LONG:
                long = []
            long.append(
                (raw[13], b"".join(raw[start:end] for start, end in _LONG_RANGES).decode("utf-16-le", "replace"))
            )
        else:
            if not attributes & VOLUME:
                yield _entry(raw, slot, long)
            long = []


def free_run(directory: bytes, count: int) -> int | None:
    """The first of `count` free slots that follow each other; None where the directory is too full."""
    run = 0
    ended = False
    for slot in range(len(directory) // ENTRY_BYTES):
        first = directory[slot * ENTRY_BYTES]
        ended = ended or first == _END
        run = run + 1 if ended or first == _FREE else 0
        if run == count:
            return slot - count + 1
    return None


def new_entries(name: str, taken: Collection[bytes]) -> bytes:
    """Entries for a new file `name`, of ASCII, whose short name is none of `taken`; the last one is the short one."""
    short = _short_name(name, taken)
    checksum = _checksum(short)
    text = name + "\0" if len(name) % _CHARACTERS else name
    pieces = [text[at : at + _CHARACTERS] for at in range(0, len(text), _CHARACTERS)]
    raw = b"".join(
        _long_entry(number | (_LAST_LONG if number == len(pieces) else 0), piece, checksum)
        for number, piece in reversed(list(enumerate(pieces, start=1)))
    )
    return raw + short + bytes([ARCHIVE]) + bytes(20)


def with_content(raw: bytes, *, cluster: int, size_bytes: int, when: datetime) -> bytes:
    """The short entry `raw` for other content, whose first cluster is `cluster`."""
    time = when.hour << 11 | when.minute << 5 | when.second // 2
    date = (when.year - 1980) << 9 | when.month << 5 | when.day
    changed = bytearray(raw)
    changed[18:20] = struct.pack("<H", date)
    changed[20:22] = struct.pack("<H", cluster >> 16)
    changed[22:32] = _TAIL.pack(time, date, cluster & 0xFFFF, size_bytes)
    return bytes(changed)


def _entry(raw: bytes, slot: int, long: Sequence[tuple[int, str]]) -> Entry:
    short = raw[:11]
    high, low = struct.unpack_from("<H", raw, 20)[0], struct.unpack_from("<H", raw, 26)[0]
    # Long entries that belong to another short one were left by a program that does not know them.
    belongs = bool(long) and all(checksum == _checksum(short) for checksum, _ in long)
    name = "".join(piece for _, piece in reversed(long)).partition("\0")[0] if belongs else _shown(short)
    return Entry(
        name=name,
        short=short,
        attributes=raw[11],
        cluster=high << 16 | low,
        size_bytes=struct.unpack_from("<I", raw, 28)[0],
        slot=slot,
        first_slot=slot - len(long) if belongs else slot,
    )


def _shown(short: bytes) -> str:
    stem, suffix = (part.decode("cp437").rstrip() for part in (short[:8], short[8:]))
    return f"{stem}.{suffix}" if suffix else stem


def _short_name(name: str, taken: Collection[bytes]) -> bytes:
    stem, _, suffix = name.upper().rpartition(".") if "." in name else (name.upper(), "", "")
    letters = "".join(letter for letter in stem if letter in _SHORT_LETTERS)
    ending = "".join(letter for letter in suffix if letter in _SHORT_LETTERS)[:3].ljust(3)
    number = 1
    while True:
        tail = f"~{number}"
        short = f"{letters[: 8 - len(tail)]}{tail}".ljust(8).encode() + ending.encode()
        if short not in taken:
            return short
        number += 1


def _checksum(short: bytes) -> int:
    total = 0
    for value in short:
        total = (total >> 1 | (total & 1) << 7) + value & 0xFF
    return total


def _long_entry(number: int, piece: str, checksum: int) -> bytes:
    text = piece.encode("utf-16-le").ljust(_CHARACTERS * 2, b"\xff")
    return bytes([number]) + text[:10] + bytes([_LONG, 0, checksum]) + text[10:22] + bytes(2) + text[22:]
