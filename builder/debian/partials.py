"""Where files lie that have not arrived whole, so that whoever wants them next goes on from there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.core.digest import Digest
from builder.io.locks import open_lock, release, try_acquire


@contextmanager
def partial_file(directory: Path, digest: Digest) -> Iterator[Path | None]:
    """The place in `directory` for the beginning of the file with `digest`, for the sole use of this block.

    It outlasts the block, and the builder, unless it was moved away. None where somebody else is at it: whoever gets
    that starts afresh elsewhere, which takes less than to wait for a download that may hang.
    """
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / digest.hex
    lock = place.with_suffix(".lock")
    descriptor = open_lock(lock)
    try:
        if not try_acquire(descriptor) or not _is_still(lock, descriptor):
            yield None
            return
        try:
            yield place
        finally:
            lock.unlink()
    finally:
        release(descriptor)


def _is_still(lock: Path, descriptor: int) -> bool:
    """Whether `lock` is the file that was opened: the last holder removes it, and the next one makes another."""
    try:
        return os.path.samestat(lock.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
