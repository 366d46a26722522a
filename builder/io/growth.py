"""How much a tool has downloaded so far, told by the size of the directory that it fills."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_INTERVAL_S = 0.5


@contextmanager
def watch_growth(directory: Path, report: Callable[[int], None]) -> Iterator[None]:
    """Call `report` with the bytes that `directory` has grown by, now and then and once at the end."""
    before = _size_bytes(directory)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_INTERVAL_S):
            report(max(0, _size_bytes(directory) - before))

    watcher = threading.Thread(target=watch, name=f"growth of {directory.name}", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    report(max(0, _size_bytes(directory) - before))


def _size_bytes(directory: Path) -> int:
    total = 0
    for root, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 (twice as fast, runs twice a second)
            except OSError:  # the tool renamed or removed it meanwhile
                continue
    return total
