"""Flashes what was prepared, and tells how it goes as events."""

import time
from contextlib import ExitStack

from builder.app.flash.prepare import FlashWanted, Prepared
from builder.app.session import Session
from builder.core.errors import BuilderError, ExitCode, InterruptedBuildError
from builder.core.events import PlanMade, StepFailed, StepFinished, StepStarted, Warned
from builder.core.resources import format_size
from builder.exec.signals import cancel_on_signals
from builder.flash.flash import Orders, Outcome, write_all
from builder.flash.target import check_size, open_target

_SECTOR_BYTES = 512


class FlashError(BuilderError):
    """Devices that could not be written, or do not hold what was written; events have told each."""

    told_by_events = True


def flash(session: Session, prepared: Prepared, wanted: FlashWanted) -> list[Outcome]:
    """Write to all places of `prepared` and read them back; raises where one of them failed, after all have ended."""
    orders = Orders(
        unmapped=wanted.unmapped,
        verify=wanted.verify,
        journals=session.project.cache / "flash",
        sink=session.sink,
        cancel=session.cancel,
    )
    image, started_s = prepared.image, time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(cancel_on_signals(session.cancel))
        targets = []
        for place in prepared.places:
            target = stack.enter_context(open_target(place.path, may_be_file=wanted.may_be_files))
            check_size(target, image.size_bytes, image.path)
            targets.append((target, place.identity))
            if target.sector_bytes > _SECTOR_BYTES:
                text = "its partition table counts in 512; most systems will not find them"
                session.sink(
                    Warned(
                        message=f"{target.name} has sectors of {target.sector_bytes} bytes, and {image.path}: {text}"
                    )
                )
        session.sink(PlanMade(steps=len(targets), cached=0, estimate_s=None, unknown=len(targets)))
        reason = f"{format_size(image.mapped_bytes)} of {format_size(image.size_bytes)} to write"
        for target, _ in targets:
            session.sink(StepStarted(step=f"flash/{target.name}", reason=reason, estimate_s=None, log=""))
        outcomes = write_all(image, targets, orders, lambda one: _tell(session, one, time.monotonic() - started_s))
    session.cancel.check()
    failures = [one.error for one in outcomes if one.error]
    if failures:
        raise _failed(failures)
    return outcomes


def _tell(session: Session, outcome: Outcome, duration_s: float) -> None:
    step, error = f"flash/{outcome.target.name}", outcome.error
    if error is None:
        session.sink(
            StepFinished(step=step, cached=False, duration_s=duration_s, downloaded_bytes=0, peak_memory_bytes=0)
        )
    elif not isinstance(error, InterruptedBuildError):
        session.sink(
            StepFailed(step=step, brief=error.brief, details=error.details, hint=error.hint, command="", log="")
        )


def _failed(failures: list[BuilderError]) -> FlashError:
    error = FlashError("devices could not be flashed", details=[one.brief for one in failures])
    codes = {one.exit_code for one in failures}
    error.exit_code = codes.pop() if len(codes) == 1 else ExitCode.BUILD_FAILED
    return error
