"""Small file systems for tests of full and foreign disks."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Flags of mount(2): MS_RDONLY, MS_REMOUNT.
_READ_ONLY = 1
_REMOUNT = 32
_LAZY = 2  # MNT_DETACH of mount(2): also when a failed test still holds a file open


@contextmanager
def small_file_system(place: Path, size_bytes: int, *, read_only: bool = False) -> Iterator[Path]:
    """A tmpfs of a size at `place`; skips the test where this user may not mount."""
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _READ_ONLY if read_only else 0
    options = f"size={size_bytes},mode=755".encode()
    if libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", flags, options) != 0:
        reason = os.strerror(ctypes.get_errno())
        pytest.skip(f"a small file system cannot be mounted here (needs root): {reason}")
    try:
        yield place
    finally:
        libc.umount2(os.fsencode(place), _LAZY)


def remount_read_only(place: Path) -> None:
    """Make a file system of `small_file_system` read-only."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", _READ_ONLY | _REMOUNT, None) == 0
