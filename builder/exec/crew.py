"""The threads that run the steps of a plan side by side."""

import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue

from builder.core.errors import BuilderError, InterruptedBuildError
from builder.core.events import StepFailed, StepSkipped
from builder.core.resources import Resources
from builder.exec.schedule import Schedule, Skipped
from builder.exec.worker import Outcome, Worker, World
from builder.io.spawn import CommandError
from builder.plan.plan import Plan, PlannedStep

_POLL_S = 0.1
# How long steps that work in Python, not in child processes, may take to notice a cancelled build and to clean up.
_PATIENCE_S = 10.0


class Crew:
    """Runs the steps of `plan` within `machine`; `expected_bytes` says what each is expected to write."""

    def __init__(self, world: World, plan: Plan, machine: Resources, expected_bytes: Mapping[str, int]) -> None:
        self._world = world
        self._expected_bytes = expected_bytes
        self._schedule = Schedule(plan, machine)
        self._cores = machine.cores
        self._threads: dict[str, threading.Thread] = {}
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()

    def work(self) -> tuple[list[Outcome], list[Skipped]]:
        """Run all steps that can run: how each ended, and those that could not run.

        `InterruptedBuildError` when the build is cancelled; all steps have ended by then.
        """
        outcomes: list[Outcome] = []
        skipped: list[Skipped] = []
        try:
            while not self._schedule.is_done:
                self._world.cancel.check()
                self._start_ready()
                outcome = self._next_outcome()
                if outcome is not None:
                    outcomes.append(outcome)
                    skipped += self._finish(outcome)
        finally:
            self._wind_down()
        return outcomes, skipped

    def _start_ready(self) -> None:
        while (planned := self._schedule.start_next(time.monotonic())) is not None:
            # Daemons: a step that does not notice the end of the build must not keep the process alive.
            thread = threading.Thread(target=self._run, args=(planned,), name=planned.step.id, daemon=True)
            self._threads[planned.step.id] = thread
            thread.start()

    def _run(self, planned: PlannedStep) -> None:
        step = planned.step
        worker = Worker(self._world, planned, cores=self._cores, expected_bytes=self._expected_bytes[step.id])
        self._outcomes.put(worker.run())

    def _next_outcome(self) -> Outcome | None:
        try:
            return self._outcomes.get(timeout=_POLL_S)
        except Empty:
            return None

    def _finish(self, outcome: Outcome) -> list[Skipped]:
        step = outcome.planned.step
        self._threads.pop(step.id).join()
        if isinstance(outcome.error, InterruptedBuildError):
            raise outcome.error
        if outcome.error is not None:
            self._world.sink(_failed_event(outcome, outcome.error))
        skipped = self._schedule.finish(outcome.planned, ok=outcome.error is None)
        for item in skipped:
            self._world.sink(
                StepSkipped(step=item.planned.step.id, because_of=step.id, estimate_s=item.planned.estimate_s)
            )
        return skipped

    def _wind_down(self) -> None:
        """When the work ended early: make all steps end too."""
        if not self._threads:
            return
        self._world.cancel.set("a part of the builder failed")
        deadline = time.monotonic() + _PATIENCE_S
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))


def _failed_event(outcome: Outcome, error: BuilderError) -> StepFailed:
    failure = error.failure if isinstance(error, CommandError) else None
    return StepFailed(
        step=outcome.planned.step.id,
        brief=error.brief,
        details=error.details,
        hint=error.hint,
        command=failure.command_line if failure else "",
        # A step that failed before its first command has none.
        log=str(outcome.log) if outcome.log.exists() else "",
        exit_status=failure.exit_status if failure else None,
    )
