"""How fast something goes, and how long it will still take."""

import time
from collections.abc import Callable

from builder.core.events import EventSink, StepProgress

_EVERY_S = 0.25


class Meter:
    """Counts the bytes of a step's phase `what`, of `total`, and tells of them a few times a second."""

    def __init__(
        self, sink: EventSink, step: str, what: str, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sink = sink
        self._step, self._what = step, what
        self._total = total
        self._clock = clock
        self._started_s = self._told_s = clock()
        self._done = self._skipped = 0

    def add(self, count: int, *, skipped: bool = False) -> None:
        """`count` more bytes are done; those that were `skipped` say nothing about the rate."""
        self._done += count
        self._skipped += count if skipped else 0
        now_s = self._clock()
        if now_s - self._told_s >= _EVERY_S or self._done == self._total:
            self._told_s = now_s
            self._sink(self._progress(now_s - self._started_s))

    def _progress(self, elapsed_s: float) -> StepProgress:
        worked = self._done - self._skipped
        rate = worked / elapsed_s if worked and elapsed_s > 0 else None
        left_s = (self._total - self._done) / rate if rate else None
        return StepProgress(
            step=self._step, what=self._what, done=self._done, total=self._total, unit="bytes", rate=rate, left_s=left_s
        )
