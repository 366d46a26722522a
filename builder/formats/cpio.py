"""Cpio archives in the form that Linux unpacks as its initial file system.

Source: early-userspace/buffer-format.rst of its documentation.
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_ALIGNMENT = 4
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True, kw_only=True)
class CpioEntry:
    """One name: `mode` has the file's type; `device` are the numbers of a device node."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(name: str, permissions: int = 0o755) -> CpioEntry:
    """A directory."""
    return CpioEntry(name=name, mode=stat.S_IFDIR | permissions)


def file(name: str, data: bytes, permissions: int = 0o644) -> CpioEntry:
    """A file."""
    return CpioEntry(name=name, mode=stat.S_IFREG | permissions, data=data)


def character_device(name: str, major: int, minor: int, permissions: int = 0o600) -> CpioEntry:
    """A node of a character device, which only the archive knows of: nobody has to be root."""
    return CpioEntry(name=name, mode=stat.S_IFCHR | permissions, device=(major, minor))


def cpio_bytes(entries: Iterable[CpioEntry]) -> bytes:
    """The archive of `entries` in their order, all owned by root, without dates."""
    pieces: list[bytes] = []
    for number, entry in enumerate((*entries, CpioEntry(name=_TRAILER, mode=0)), start=1):
        name = entry.name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        pieces += [head, bytes(-len(head) % _ALIGNMENT), entry.data, bytes(-len(entry.data) % _ALIGNMENT)]
    return b"".join(pieces)
