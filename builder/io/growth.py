"""How far a tool is, told by something that grows while it works."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_INTERVAL_S = 0.5


@contextmanager
def watch_growth(measure: Callable[[], int], report: Callable[[int], None]) -> Iterator[None]:
    """Call `report` with what `measure` has grown by, now and then while the block runs and once at its end."""
    before = measure()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_INTERVAL_S):
            report(max(0, measure() - before))

    watcher = threading.Thread(target=watch, name="growth", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    report(max(0, measure() - before))


def directory_bytes(directory: Path) -> int:
    """The sizes of all files below `directory` together; none where it does not exist."""
    total = 0
    for root, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 (twice as fast, runs twice a second)
            except OSError:  # the tool renamed or removed it meanwhile
                continue
    return total


def file_lines(path: Path) -> int:
    """The lines of the file at `path`; none where it does not exist."""
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
