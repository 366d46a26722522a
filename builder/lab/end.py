"""The end of a lab, whatever has become of it: no process, no socket and no file is left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from signal import SIGKILL

from builder.core.errors import BuilderError, RecipeError
from builder.io.detached import marked_processes
from builder.io.files import remove_tree
from builder.io.group import send
from builder.io.locks import open_lock, release, try_acquire
from builder.lab.client import LabClient
from builder.lab.place import LabPlace

# QEMU closes its disks in this time, or is ended.
_ENDS_S = 30.0
_KILLED_S = 10.0
_POLL_S = 0.05
# By which a lab's processes are known: its supervisor's variable, and QEMU's.
MARK = "BUILDER_LAB"
MARKS = (MARK, "TMPDIR")


@contextmanager
def prepared(place: LabPlace) -> Iterator[None]:
    """The directory of a lab for ourselves alone, while it is prepared or ended; `RecipeError` where another does that."""
    try:
        lock = open_lock(place.preparing)
    except FileNotFoundError:
        raise RecipeError(f"there is no lab {place.name!r}") from None
    if not try_acquire(lock):
        release(lock)
        raise RecipeError(
            f"the lab {place.name} is being started or ended by another command", hint="end that one, or wait for it"
        )
    try:
        yield
    finally:
        release(lock)


def end_lab(place: LabPlace) -> None:
    """End the lab at `place`, and remove all of it."""
    with prepared(place):
        remove_lab(place)


def end_leftover(place: LabPlace) -> None:
    """End what a test that was killed has left; a lab of a test that goes on, or of somebody else, stays."""
    if not place.owner.exists():
        return
    lock = open_lock(place.owner)
    is_free = try_acquire(lock)
    release(lock)
    if is_free:
        end_lab(place)


def remove_lab(place: LabPlace) -> None:
    """As `end_lab`, for whoever has the directory for itself."""
    with suppress(BuilderError):
        LabClient(place).ask("down")
        _wait_for_end(place)
    deadline_s = time.monotonic() + _KILLED_S
    while left := marked_processes(MARKS, place.path):
        for stat in left:
            send(stat, SIGKILL)
        if time.monotonic() > deadline_s:
            pids = ", ".join(str(stat.pid) for stat in left)
            raise BuilderError(f"processes of the lab {place.name} cannot be ended: {pids}")
        time.sleep(_POLL_S)
    remove_tree(place.path)


def _wait_for_end(place: LabPlace) -> None:
    """Wait until the supervisor has given its lock back."""
    deadline_s = time.monotonic() + _ENDS_S
    while time.monotonic() < deadline_s:
        lock = open_lock(place.running)
        is_free = try_acquire(lock)
        release(lock)
        if is_free:
            return
        time.sleep(_POLL_S)
