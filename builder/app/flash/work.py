"""Flashes what was prepared, and tells how it goes as events."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from builder.app.flash.prepare import Prepared
from builder.core.errors import BuilderError, ExitCode, InterruptedBuildError
from builder.core.events import EventSink, PlanMade, StepFailed, StepFinished, StepStarted, Warned
from builder.core.resources import format_size
from builder.exec.signals import cancel_on_signals
from builder.flash.flash import Goal, Orders, Outcome, write_all
from builder.flash.opening import open_target
from builder.flash.patch import NOTHING, Patch
from builder.flash.source import Image
from builder.flash.target import check_size

_SECTOR_BYTES = 512


class FlashError(BuilderError):
    """Devices that could not be written, or do not hold what was written; events have told each."""

    told_by_events = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """What makes each device a node of its own: a patch for each, in their order.

    `enter` makes known what is in them, before the first byte is written.
    """

    patches: Sequence[Patch]
    enter: Callable[[], None]


def flash(prepared: Prepared, orders: Orders, identities: Identities | None = None) -> list[Outcome]:
    """Write to all places of `prepared` and read them back; raises where one of them failed, after all have ended."""
    image, started_s = prepared.image, time.monotonic()
    patches = identities.patches if identities else [NOTHING] * len(prepared.places)
    with ExitStack() as stack:
        goals = []
        for place, patch in zip(prepared.places, patches, strict=True):
            target = stack.enter_context(open_target(place.path, may_be_file=place.device is None))
            check_size(target, image.size_bytes, image.path)
            goals.append(Goal(target=target, identity=place.identity, patch=patch))
        # Until here nothing was written, and whoever is asked for a password may end it all.
        stack.enter_context(cancel_on_signals(orders.cancel))
        _announce(image, goals, orders.sink)
        if identities:
            identities.enter()
        outcomes = write_all(image, goals, orders, lambda one: _tell(orders.sink, one, time.monotonic() - started_s))
    orders.cancel.check()
    failures = [one.error for one in outcomes if one.error]
    if failures:
        raise _failed(failures)
    return outcomes


def _announce(image: Image, goals: Sequence[Goal], sink: EventSink) -> None:
    names = [goal.target.name for goal in goals]
    for goal in goals:
        if (sector := goal.target.sector_bytes) > _SECTOR_BYTES:
            text = "its partition table counts in 512; most systems will not find them"
            sink(Warned(message=f"{goal.target.name} has sectors of {sector} bytes, and {image.path}: {text}"))
    sink(PlanMade(steps=len(names), cached=0, estimate_s=None, unknown=len(names)))
    reason = f"{format_size(image.mapped_bytes)} of {format_size(image.size_bytes)} to write"
    for name in names:
        sink(StepStarted(step=f"flash/{name}", reason=reason, estimate_s=None, log=""))


def _tell(sink: EventSink, outcome: Outcome, duration_s: float) -> None:
    step, error = f"flash/{outcome.target.name}", outcome.error
    if error is None:
        sink(StepFinished(step=step, cached=False, duration_s=duration_s, downloaded_bytes=0, peak_memory_bytes=0))
    elif not isinstance(error, InterruptedBuildError):
        sink(StepFailed(step=step, brief=error.brief, details=error.details, hint=error.hint, command="", log=""))


def _failed(failures: list[BuilderError]) -> FlashError:
    error = FlashError("devices could not be flashed", details=[one.brief for one in failures])
    codes = {one.exit_code for one in failures}
    error.exit_code = codes.pop() if len(codes) == 1 else ExitCode.BUILD_FAILED
    return error
