"""Plain lines: for the logs of a CI."""

from collections.abc import Sequence
from typing import TextIO

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.layout import plain_texts
from builder.cli.render.messages import (
    artifact_lines,
    finished_text,
    plan_text,
    progress_text,
    skip_reason,
    summary_lines,
)
from builder.cli.render.stream import SafeStream
from builder.cli.render.symbols import WORDS
from builder.cli.render.text import one_line
from builder.cli.render.tracker import Tracker
from builder.cli.render.trouble import failure_texts, warning_texts
from builder.core.events import (
    ArtifactWritten,
    BuildFinished,
    Event,
    PlanMade,
    StepFailed,
    StepFinished,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepWaiting,
    Warned,
)

# Seconds between two progress lines of one step: a log stays readable, and a CI that ends silent jobs sees life.
_PROGRESS_S = 30.0


class PlainRenderer(Renderer):
    """One line per event that matters, each with the seconds since the start; no colours, no carriage returns."""

    def __init__(self, stream: TextIO, options: RenderOptions) -> None:
        super().__init__()
        self._stream = SafeStream(stream)
        self._clock = options.clock
        self._started_s = self._clock.monotonic_s()
        self._tracker = Tracker(self._started_s)
        self._verbosity = options.verbosity
        self._told_s: dict[str, float] = {}

    def _show(self, event: Event) -> None:
        now_s = self._clock.monotonic_s()
        lines = self._about_step(event, now_s) or self._about_build(event)
        self._tracker.apply(event, now_s)
        if isinstance(event, StepProgress):
            lines = self._progress(event.step, now_s)
        if lines:
            self._write([f"[{now_s - self._started_s:6.1f}s] {lines[0]}", *lines[1:]])

    def _about_step(self, event: Event, now_s: float) -> list[str]:
        """What is said about one step; only the first line gets a time."""
        match event:
            case StepWaiting():
                return [f"waiting {one_line(event.step)}: another builder makes it"]
            case StepStarted():
                self._told_s[event.step] = now_s
                log = f" (log: {one_line(event.log)})" if self._verbosity else ""
                return [f"start   {one_line(event.step)}: {one_line(event.reason)}{log}"]
            case StepFinished():
                return self._finished(event, now_s)
            case StepFailed():
                return self._failure(event, now_s)
            case StepSkipped():
                return [f"skipped {one_line(event.step)}: {skip_reason(event)}"]
            case _:
                return []

    def _finished(self, event: StepFinished, now_s: float) -> list[str]:
        if not event.cached:
            return [f"done    {one_line(event.step)}: {finished_text(event)}"]
        if self._tracker.running(event.step, now_s):
            return [f"done    {one_line(event.step)}: made by another builder"]
        return [f"cached  {one_line(event.step)}"] if self._verbosity else []

    def _about_build(self, event: Event) -> list[str]:
        match event:
            case PlanMade():
                return [f"plan    {plan_text(event)}"]
            case Warned():
                return warning_texts(event)
            case ArtifactWritten() if self._tracker.is_over:
                return plain_texts(artifact_lines([event]))
            case BuildFinished():
                return plain_texts(summary_lines(event, self._tracker, WORDS))
            case _:
                return []

    def _progress(self, step: str, now_s: float) -> list[str]:
        state = self._tracker.running(step, now_s)
        if state is None or now_s - self._told_s.get(step, now_s) < _PROGRESS_S:
            return []
        self._told_s[step] = now_s
        return [f"        {one_line(step)}: {progress_text(state.progress)}"]

    def _failure(self, event: StepFailed, now_s: float) -> list[str]:
        ended = self._tracker.running(event.step, now_s)
        return failure_texts(event, took_s=ended.elapsed_s if ended else None)

    def _write(self, lines: Sequence[str]) -> None:
        self._stream.write("".join(f"{one}\n" for one in lines))
        self._stream.flush()
