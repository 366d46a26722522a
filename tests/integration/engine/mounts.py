"""Small file systems for tests of full and foreign disks."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_LAZY = 2  # MNT_DETACH of mount(2): also when a failed test still holds a file open


@contextmanager
def small_file_system(place: Path, size_bytes: int, *, read_only: bool = False) -> Iterator[Path]:
    """A tmpfs of a size at `place`; skips the test where this user may not mount."""
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    flags = 1 if read_only else 0  # MS_RDONLY
    options = f"size={size_bytes},mode=755".encode()
    if libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", flags, options) != 0:
        reason = os.strerror(ctypes.get_errno())
        pytest.skip(f"a small file system cannot be mounted here (needs root): {reason}")
    try:
        yield place
    finally:
        libc.umount2(os.fsencode(place), _LAZY)
