"""An image onto several devices at once: it is unpacked once, and each device goes at its own pace within a few pieces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import BuilderError
from builder.core.events import EventSink
from builder.flash.journal import Journal
from builder.flash.lane import Job, Lane, Unmapped
from builder.flash.patch import Patch, patched_identity, with_patched
from builder.flash.pieces import Cutter, Pool, round_up
from builder.flash.source import Image
from builder.flash.target import Target
from builder.io.cancel import CancelToken

# Two are written, one is filled, and two wait, so that neither side does.
_BUFFERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How to go about it: `journals` is the directory that remembers how far devices are."""

    unmapped: Unmapped
    verify: bool
    journals: Path
    sink: EventSink
    cancel: CancelToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A device: what it is called by itself, whatever slot it is in, and what it alone gets."""

    target: Target
    identity: str
    patch: Patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went with one device; `resumed_bytes` were there from an earlier try."""

    target: Target
    error: BuilderError | None
    resumed_bytes: int


def needed_bytes(image: Image, sector_bytes: int) -> int:
    """The bytes that a device must have for `image`."""
    return round_up(image.size_bytes, sector_bytes)


def write_all(image: Image, goals: Sequence[Goal], orders: Orders, done: Callable[[Outcome], None]) -> list[Outcome]:
    """Write `image` to all `goals`, each with its patch, and read them back.

    A device that fails leaves the others alone; `done` is told of each as it ends. An image that is damaged raises.
    """
    image = with_patched(image, [goal.patch for goal in goals])
    sector = max(goal.target.sector_bytes for goal in goals)
    job = Job(
        mapped_bytes=sum(round_up(one.length, sector) for one in image.extents),
        gaps=list(gaps(image, sector)),
        unmapped=orders.unmapped,
        verify=orders.verify,
        sink=orders.sink,
        cancel=orders.cancel,
    )
    lanes = [Lane(goal.target, goal.patch, job, _journal(image, goal, orders.journals)) for goal in goals]
    cutter = Cutter(pool=Pool(_BUFFERS), readers=len(lanes), sector_bytes=sector, cancel=orders.cancel)
    for lane in lanes:
        lane.start()
    _feed(image, cutter, lanes)
    outcomes = []
    for lane in lanes:
        lane.join()
        outcomes.append(Outcome(target=lane.target, error=lane.error, resumed_bytes=lane.resumed_bytes))
        done(outcomes[-1])
    return outcomes


def _journal(image: Image, goal: Goal, directory: Path) -> Journal:
    return Journal.of(directory, content=patched_identity(image, goal.patch), device=goal.identity)


def gaps(image: Image, sector_bytes: int) -> list[tuple[int, int]]:
    """Offset and length of all between the extents of `image`."""
    found, position = [], 0
    for extent in image.extents:
        found.append((position, extent.offset - position))
        position = extent.offset + round_up(extent.length, sector_bytes)
    found.append((position, needed_bytes(image, sector_bytes) - position))
    return [(offset, length) for offset, length in found if length > 0]


def _feed(image: Image, cutter: Cutter, lanes: Sequence[Lane]) -> None:
    """Give every piece to all lanes; where the image or the user ends it before, the lanes end, too."""
    is_whole = False
    try:
        for piece in cutter.cut(image):
            for lane in lanes:
                lane.feed(piece)
            if all(lane.error for lane in lanes):
                break
        is_whole = True
    finally:
        for lane in lanes:
            lane.end(is_whole=is_whole)
        if not is_whole:
            for lane in lanes:
                lane.join()
