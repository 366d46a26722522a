"""The state of a build, folded from its events."""

from dataclasses import dataclass, field
from typing import TypeAlias

from builder.cli.render.estimate import Outlook, Pending, RunningWork, outlook
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

StepEvent: TypeAlias = StepStarted | StepWaiting | StepProgress | StepFinished | StepFailed | StepSkipped

_DOWNLOAD = ("download", "bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStep:
    """A step at this moment; `is_waiting` for another builder that makes it. `progress` has the latest of each kind."""

    step: str
    reason: str
    progress: tuple[StepProgress, ...]
    elapsed_s: float
    estimate_s: float | None
    is_waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A build at this moment. `total` is 0 before the plan is known; `running` is ordered by start."""

    running: tuple[RunningStep, ...]
    done: int
    total: int
    cached: int
    downloaded_bytes: int
    elapsed_s: float
    outlook: Outlook | None


@dataclass(slots=True, kw_only=True)
class _Running:
    reason: str
    started_s: float
    estimate_s: float | None
    is_waiting: bool
    progress: dict[tuple[str, str], StepProgress] = field(default_factory=dict)

    @property
    def downloaded_bytes(self) -> int:
        return self.progress[_DOWNLOAD].done if _DOWNLOAD in self.progress else 0


class Tracker:
    """Knows what runs, what is done and what is to come. For one thread at a time; times are in seconds.

    `artifacts` and `failures` are those that were told of until now; `is_over` once the build ended.
    """

    def __init__(self, started_s: float) -> None:
        self.artifacts: list[ArtifactWritten] = []
        self.failures: list[StepFailed] = []
        self.is_over = False
        self._started_s = started_s
        self._plan: PlanMade | None = None
        self._pending = Pending()
        self._running: dict[str, _Running] = {}
        self._ended = 0
        self._cached_seen = 0
        self._downloaded_bytes = 0
        self._changed_s = started_s
        self._busy_s = 0.0
        self._lane_s = 0.0

    def apply(self, event: Event, now_s: float) -> None:
        """Take note of `event`, which came at `now_s`."""
        self._busy_s, self._lane_s = self._worked(now_s)
        self._changed_s = now_s
        match event:
            case PlanMade():
                self._plan = event
                no_estimate = event.steps - event.cached if event.estimate_s is None else event.unknown
                self._pending = Pending(estimate_s=event.estimate_s or 0.0, unknown=no_estimate)
            case ArtifactWritten():
                self.artifacts.append(event)
            case BuildFinished():
                self.is_over = True
            case Warned():
                pass
            case _:
                self._apply_to_step(event, now_s)

    def _apply_to_step(self, event: StepEvent, now_s: float) -> None:
        match event:
            case StepWaiting():
                self._begin(event.step, event.estimate_s, now_s, waits_for="another builder makes it")
            case StepStarted():
                self._begin(event.step, event.estimate_s, now_s, reason=event.reason)
            case StepProgress():
                if event.step in self._running:
                    self._running[event.step].progress[event.what, event.unit] = event
            case StepFinished():
                self._finish(event)
            case StepFailed():
                self._fail(event)
            case StepSkipped():
                self._ended += 1
                self._leave_pending(event.estimate_s)

    @property
    def downloaded_bytes(self) -> int:
        """What came over the network until now."""
        return self._downloaded_bytes + sum(one.downloaded_bytes for one in self._running.values())

    def running(self, step: str, now_s: float) -> RunningStep | None:
        """The state of `step`, None when it does not run."""
        state = self._running.get(step)
        if state is None:
            return None
        return RunningStep(
            step=step,
            reason=state.reason,
            progress=tuple(state.progress.values()),
            elapsed_s=now_s - state.started_s,
            estimate_s=state.estimate_s,
            is_waiting=state.is_waiting,
        )

    def view(self, now_s: float) -> View:
        """The build at `now_s`."""
        running = tuple(state for step in self._running if (state := self.running(step, now_s)))
        cached = max(self._cached_seen, self._plan.cached if self._plan else 0)
        return View(
            running=running,
            done=self._ended + cached,
            total=self._plan.steps if self._plan else 0,
            cached=cached,
            downloaded_bytes=self.downloaded_bytes,
            elapsed_s=now_s - self._started_s,
            outlook=self._outlook(running, now_s),
        )

    def _begin(
        self, step: str, estimate_s: float | None, now_s: float, *, reason: str = "", waits_for: str = ""
    ) -> None:
        if step not in self._running:
            self._leave_pending(estimate_s)
        self._running[step] = _Running(
            reason=reason or waits_for, started_s=now_s, estimate_s=estimate_s, is_waiting=bool(waits_for)
        )

    def _leave_pending(self, estimate_s: float | None) -> None:
        plan_knows = self._plan is not None and self._plan.estimate_s is not None
        is_unknown = estimate_s is None or not plan_knows
        self._pending = Pending(
            estimate_s=max(0.0, self._pending.estimate_s - (estimate_s or 0.0)),
            unknown=max(0, self._pending.unknown - is_unknown),
        )

    def _finish(self, event: StepFinished) -> None:
        self._downloaded_bytes += event.downloaded_bytes
        if self._running.pop(event.step, None) is None and event.cached:
            # The plan counted it already.
            self._cached_seen += 1
        else:
            self._ended += 1

    def _fail(self, event: StepFailed) -> None:
        self._ended += 1
        self.failures.append(event)
        ended = self._running.pop(event.step, None)
        self._downloaded_bytes += ended.downloaded_bytes if ended else 0

    def _worked(self, now_s: float) -> tuple[float, float]:
        """The seconds in which anything ran, and the sum of the seconds of all that ran."""
        lanes = sum(not state.is_waiting for state in self._running.values())
        passed_s = now_s - self._changed_s
        return (self._busy_s + passed_s if lanes else self._busy_s, self._lane_s + lanes * passed_s)

    def _outlook(self, running: tuple[RunningStep, ...], now_s: float) -> Outlook | None:
        busy_s, lane_s = self._worked(now_s)
        # When another builder will be done is unknown: it may have begun long ago.
        works = [
            RunningWork(estimate_s=None if one.is_waiting else one.estimate_s, elapsed_s=one.elapsed_s)
            for one in running
        ]
        return outlook(works, self._pending, average_lanes=lane_s / busy_s if busy_s else 1.0)
