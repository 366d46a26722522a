"""Locks between builders: flock(2), so that the death of a builder, however it dies, releases what it held."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.io.cancel import CancelToken

_POLL_S = 0.1


def ignore() -> None:
    """Nothing to tell."""


@contextmanager
def locked(
    path: Path,
    *,
    shared: bool = False,
    cancel: CancelToken | None = None,
    on_wait: Callable[[], None] = ignore,
) -> Iterator[None]:
    """Hold the lock file `path`, created when missing, while the block runs; see `acquire`."""
    descriptor = open_lock(path)
    try:
        acquire(descriptor, shared=shared, cancel=cancel, on_wait=on_wait)
        yield
    finally:
        release(descriptor)


@contextmanager
def locked_directory(path: Path) -> Iterator[None]:
    """Hold the lock of the directory at `path` itself while the block runs: no file is left in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        acquire(descriptor)
        yield
    finally:
        release(descriptor)


def open_lock(path: Path) -> int:
    """A descriptor of the lock file `path`, created when missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)


def acquire(
    descriptor: int, *, shared: bool = False, cancel: CancelToken | None = None, on_wait: Callable[[], None] = ignore
) -> None:
    """Wait until the lock is ours; `on_wait` is called once when another holder has it.

    Waiting polls: a blocking flock(2) in a thread could not be ended by `cancel`.
    """
    told = False
    while not try_acquire(descriptor, shared=shared):
        if not told:
            on_wait()
            told = True
        if cancel is not None:
            cancel.check()
        time.sleep(_POLL_S)


def try_acquire(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if nobody else has it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EINTR):
            return False
        raise
    return True


def release(descriptor: int) -> None:
    """Give the lock back and close its descriptor.

    Unlocking comes first: a child that is being started at this moment may still share the open file.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
