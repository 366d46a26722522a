"""The bytes of a loader cache: the new format `glibc-ld.so.cache1.1` alone, little-endian (glibc's dl-cache.h and cache.c)."""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

_MAGIC = b"glibc-ld.so.cache1.1"
_LITTLE_ENDIAN = 2
# Magic, number of entries, bytes of the strings, flags, 3 bytes unused, offset of the extension, 12 bytes unused.
_HEADER = struct.Struct("<20sIIBxxxI12x")
# Flags, offsets of name and path, 4 bytes unused, hardware capabilities.
_ENTRY = struct.Struct("<iIIIQ")
_EXTENSION_MAGIC = 0xEAA42174
_EXTENSION = struct.Struct("<II")
# Tag, flags, offset, size.
_SECTION = struct.Struct("<IIII")
_GENERATOR, _HWCAPS = 0, 1
# Bit 62 tells that the low half is the index of a subdirectory of glibc-hwcaps.
_HWCAPS_ENTRY = 1 << 62
_NUMBER_OR_LETTER = re.compile(r"[0-9]+|[^0-9]", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A library: the name that programs ask for, its path, the flags of its ABI, and its directory below glibc-hwcaps if any."""

    name: str
    path: str
    flags: int
    hwcaps: str = ""


def cache_bytes(entries: Iterable[Entry], generator: str) -> bytes:
    """The cache file that holds `entries`; `generator` is the name that ldconfig gives itself in it."""
    rows = sorted(entries, key=cmp_to_key(_compare))
    subdirectories = sorted({row.hwcaps for row in rows if row.hwcaps})
    strings_start = _HEADER.size + _ENTRY.size * len(rows)
    strings, offsets = _strings({text for row in rows for text in (row.name, row.path, row.hwcaps) if text})
    at = {text: strings_start + offset for text, offset in offsets.items()}
    strings_end = strings_start + len(strings)
    extension_start = strings_end + -strings_end % 4
    parts = [_HEADER.pack(_MAGIC, len(rows), len(strings), _LITTLE_ENDIAN, extension_start)]
    for row in rows:
        capabilities = _HWCAPS_ENTRY | subdirectories.index(row.hwcaps) if row.hwcaps else 0
        parts.append(_ENTRY.pack(row.flags, at[row.name], at[row.path], 0, capabilities))
    parts += [strings, bytes(extension_start - strings_end)]
    return b"".join(parts) + _extension(extension_start, [at[name] for name in subdirectories], generator.encode())


def compare_names(one: str, other: str) -> int:
    """Below, at or above zero as `one` is older than, equal to or newer than `other`: numbers by value (`_dl_cache_libcmp`)."""
    for left, right in zip(_NUMBER_OR_LETTER.findall(one), _NUMBER_OR_LETTER.findall(other), strict=False):
        if left[0].isdigit() and right[0].isdigit():
            difference = int(left) - int(right)
        elif left[0].isdigit() or right[0].isdigit():
            difference = 1 if left[0].isdigit() else -1
        else:
            difference = ord(left) - ord(right)
        if difference:
            return difference
    return len(_NUMBER_OR_LETTER.findall(one)) - len(_NUMBER_OR_LETTER.findall(other))


def _compare(one: Entry, other: Entry) -> int:
    """Newest names first; of equal ones those of glibc-hwcaps, which the loader would not look for behind a plain one."""
    difference = compare_names(other.name, one.name) or other.flags - one.flags
    if difference or one.hwcaps == other.hwcaps:
        return difference
    if not one.hwcaps or not other.hwcaps:
        return 1 if not one.hwcaps else -1
    return 1 if one.hwcaps > other.hwcaps else -1


def _strings(texts: Iterable[str]) -> tuple[bytes, dict[str, int]]:
    """The table of strings and where each begins; one that ends another one lies in it (`stringtable.c`)."""
    table = bytearray()
    offsets: dict[str, int] = {}
    before, start = b"", 0
    # By their ends, so that what ends another string directly follows it.
    for text in sorted(texts, key=lambda text: text.encode()[::-1], reverse=True):
        raw = text.encode()
        if before.endswith(raw):
            offsets[text] = start + len(before) - len(raw)
            continue
        before, start = raw, len(table)
        offsets[text] = start
        table += raw + b"\0"
    return bytes(table), offsets


def _extension(start: int, subdirectories: Sequence[int], generator: bytes) -> bytes:
    """What follows the strings: who wrote the cache, and the names of the subdirectories of glibc-hwcaps."""
    array = struct.pack(f"<{len(subdirectories)}I", *subdirectories)
    count = 2 if subdirectories else 1
    array_start = start + _EXTENSION.size + count * _SECTION.size
    sections = _SECTION.pack(_GENERATOR, 0, array_start + len(array), len(generator))
    if subdirectories:
        sections += _SECTION.pack(_HWCAPS, 0, array_start, len(array))
    return _EXTENSION.pack(_EXTENSION_MAGIC, count) + sections + array + generator
