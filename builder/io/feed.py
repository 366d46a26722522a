"""A command's standard input, written while the command reads it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

# Writes the whole input to a descriptor.
Feed = Callable[[int], None]
# What an unprivileged process may ask for (pipe(7), /proc/sys/fs/pipe-max-size); 64 KiB otherwise.
_PIPE_BYTES = 1 << 20


@contextmanager
def feeding(feed: Feed) -> Iterator[int]:
    """The descriptor to read from what `feed` writes meanwhile, in a thread of its own.

    What `feed` raises is raised at the end, in place of what the body raised: whoever read half an input may well complain.
    A reader that has enough may end early.
    """
    incoming, outgoing = os.pipe2(os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.fcntl(outgoing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed") as pool:
        written = pool.submit(_write, feed, outgoing)
        try:
            yield incoming
        finally:
            # Nobody reads any more, which ends a writer that still has something.
            os.close(incoming)
            written.result()


def _write(feed: Feed, outgoing: int) -> None:
    try:
        with suppress(BrokenPipeError):
            feed(outgoing)
    finally:
        os.close(outgoing)
