"""Directories to work in, of which none outlasts its owner for long, however that ends."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from builder.io.files import remove_tree
from builder.io.locks import locked_directory, release, try_acquire

_PREFIX = "scratch."
# Between its making and its locking, a directory is nobody's.
_YOUNG_S = 60.0


@contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """A new directory below `parent` while the block runs. What owners that were killed have left there is removed."""
    _remove_abandoned(parent)
    path = Path(mkdtemp(dir=parent, prefix=_PREFIX))
    with locked_directory(path):
        try:
            yield path
        finally:
            remove_tree(path)


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # another removes it
        try:
            is_abandoned = time.time() - os.fstat(descriptor).st_mtime > _YOUNG_S and try_acquire(descriptor)
            if is_abandoned:
                remove_tree(path)
        finally:
            release(descriptor)
