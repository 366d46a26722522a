"""What differs between two root file systems, as tar archives.

Everything is compared that a device would notice: kinds, permissions, owners, links, capabilities, contents. Times are not.
Owners are those that the system's own tables name: two systems may give one account different numbers.
"""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.tar import BLOCK_BYTES, DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarMember, read_members

_WORDS = {
    REGULAR: "file",
    HARDLINK: "file",
    SYMLINK: "symbolic link",
    DIRECTORY: "directory",
    "3": "character device",
    "4": "block device",
    "6": "pipe",
}
_DEVICES = ("3", "4")
# ustar: major and minor number of devices, 8 bytes each.
_DEVICE_NUMBERS = slice(329, 345)
# The field of passwd(5) and group(5) with the number.
_NUMBER = 2
_LONGEST_TEXT_BYTES = 1 << 20


class Deviation(StrEnum):
    """How a path of the other root file system differs from the reference."""

    MISSING = "missing"
    ADDED = "added"
    TYPE = "type"
    MODE = "mode"
    OWNER = "owner"
    GROUP = "group"
    LINK = "link"
    CAPABILITIES = "capabilities"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One deviation of one path, which is relative to the root; what the reference and what the other has, in words.

    What a system does not have at all is empty.
    """

    path: str
    deviation: Deviation
    reference: str = ""
    other: str = ""

    def __str__(self) -> str:
        return f"{self.deviation:12} /{self.path}: {' -> '.join(filter(None, (self.reference, self.other)))}"


class Archive:
    """A root file system in a tar archive."""

    def __init__(self, data: bytes | mmap) -> None:
        self._data = data
        # As an extraction would: the last member of a name wins.
        self.members: Mapping[str, TarMember] = {
            _path(member.name): member for member in read_members(data) if _path(member.name)
        }

    @cached_property
    def linked(self) -> Mapping[str, frozenset[str]]:
        """For each path with several names, all of them."""
        groups: dict[str, set[str]] = {}
        for path, member in self.members.items():
            if member.type == HARDLINK:
                groups.setdefault(self._first(path), set()).add(path)
        closed = [frozenset({first, *names}) for first, names in groups.items()]
        return {path: group for group in closed for path in group}

    @cached_property
    def users(self) -> Mapping[int, str]:
        """The names of users by their numbers, as far as the system has a table of them."""
        return self._names_in("etc/passwd")

    @cached_property
    def groups(self) -> Mapping[int, str]:
        """The names of groups by their numbers."""
        return self._names_in("etc/group")

    def content(self, path: str) -> bytes:
        """The bytes of the file `path`, whichever of its names they are stored under."""
        member = self.members[self._first(path)]
        return self._data[member.offset : member.offset + member.size_bytes]

    def device(self, path: str) -> str:
        """Major and minor number of the device `path`."""
        start = self.members[path].offset - BLOCK_BYTES
        raw = self._data[start : start + BLOCK_BYTES][_DEVICE_NUMBERS]
        return ", ".join(str(int(one.strip(b" \0") or b"0", 8)) for one in (raw[:8], raw[8:]))

    def _names_in(self, path: str) -> Mapping[int, str]:
        table = self.members.get(path)
        if table is None or table.type != REGULAR:
            return {}
        rows = [line.split(":") for line in self.content(path).decode(errors="replace").splitlines()]
        numbered = [row for row in rows if len(row) > _NUMBER and row[_NUMBER].isdigit()]
        # Of several names for one number the first counts, as for getpwuid(3).
        return {int(row[_NUMBER]): row[0] for row in reversed(numbered)}

    def _first(self, path: str) -> str:
        """The name that has the content; hard links may lead to hard links."""
        for _ in range(len(self.members)):
            member = self.members.get(path)
            if member is None or member.type != HARDLINK:
                break
            path = _path(member.link)
        if path not in self.members:
            raise BuilderError(f"the archive has a hard link to {path!r}, which it does not hold")
        return path


@contextmanager
def open_archive(tar: Path) -> Iterator[Archive]:
    """The root file system in `tar`, which must not be compressed, while the block runs."""
    with tar.open("rb") as stream:
        if not tar.stat().st_size:
            raise BuilderError(f"{tar} is empty", hint="it should be a tar archive that is not compressed")
        # It is closed when the last one who looks into it is gone: an error on its way still does.
        yield Archive(mmap(stream.fileno(), 0, access=ACCESS_READ))


def compare(reference: Archive, other: Archive) -> list[Difference]:
    """All deviations of `other` from `reference`, sorted by path."""
    found: list[Difference] = []
    for path in sorted(reference.members.keys() | other.members.keys()):
        if path not in other.members:
            found.append(Difference(path=path, deviation=Deviation.MISSING, reference=_kind(reference, path)))
        elif path not in reference.members:
            found.append(Difference(path=path, deviation=Deviation.ADDED, other=_kind(other, path)))
        else:
            found.extend(_of_path(path, reference, other))
    return found


def text_diff(path: str, reference: Archive, other: Archive, *, most_lines: int = 40) -> list[str]:
    """The lines in which the texts of `path` differ; nothing where one of them is no text."""
    texts = [_text(archive, path) for archive in (reference, other)]
    if texts[0] is None or texts[1] is None:
        return []
    lines = list(difflib.unified_diff(texts[0], texts[1], "reference", "other", n=1, lineterm=""))
    left = len(lines) - most_lines
    return lines[:most_lines] + ([f"... {left} lines more"] if left > 0 else [])


def _of_path(path: str, reference: Archive, other: Archive) -> Iterator[Difference]:
    one, two = reference.members[path], other.members[path]

    def differing(deviation: Deviation, was: str, now: str) -> Iterator[Difference]:
        if was != now:
            yield Difference(path=path, deviation=deviation, reference=was, other=now)

    if _WORDS.get(one.type) != _WORDS.get(two.type):
        yield from differing(Deviation.TYPE, _kind(reference, path), _kind(other, path))
        return
    if one.type != SYMLINK:  # links have permissions that nobody looks at
        yield from differing(Deviation.MODE, f"{one.mode:04o}", f"{two.mode:04o}")
    yield from differing(Deviation.OWNER, _named(one.uid, reference.users), _named(two.uid, other.users))
    yield from differing(Deviation.GROUP, _named(one.gid, reference.groups), _named(two.gid, other.groups))
    yield from differing(Deviation.CAPABILITIES, one.capabilities.hex() or "none", two.capabilities.hex() or "none")
    if one.type == SYMLINK:
        yield from differing(Deviation.LINK, one.link, two.link)
    elif one.type in _DEVICES:
        yield from differing(Deviation.CONTENT, reference.device(path), other.device(path))
    elif one.type in (REGULAR, HARDLINK):
        yield from differing(Deviation.LINK, _names(reference, path), _names(other, path))
        data, changed = reference.content(path), other.content(path)
        # Comparing is faster than digesting both, and nearly all are equal.
        if data != changed:
            yield from differing(Deviation.CONTENT, _digest(data), _digest(changed))


def _path(name: str) -> str:
    path = name.removeprefix("./").strip("/")
    return "" if path == "." else path


def _kind(archive: Archive, path: str) -> str:
    member = archive.members[path]
    word = _WORDS.get(member.type, f"member of type {member.type!r}")
    return f"{word} to {member.link}" if member.type == SYMLINK else word


def _named(number: int, names: Mapping[int, str]) -> str:
    return names.get(number, str(number))


def _names(archive: Archive, path: str) -> str:
    """The names of the file `path`, as text."""
    return " ".join(sorted(archive.linked.get(path, frozenset({path}))))


def _digest(data: bytes) -> str:
    return f"{Digest.of_bytes(data).short} ({len(data)} bytes)"


def _text(archive: Archive, path: str) -> list[str] | None:
    member = archive.members.get(path)
    if member is None or member.type not in (REGULAR, HARDLINK):
        return None
    data = archive.content(path)
    if b"\0" in data or len(data) > _LONGEST_TEXT_BYTES:
        return None
    return data.decode(errors="replace").splitlines()
