"""Carrying out a plan on this machine."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from builder.core.digest import Digest
from builder.core.errors import InterruptedBuildError
from builder.core.events import Event, EventSink, PlanMade, Warned
from builder.core.resources import Resources
from builder.exec.crew import Crew
from builder.exec.logs import RunLogs
from builder.exec.result import BuildResult, StepFailure, StepsFailedError
from builder.exec.schedule import Skipped, refuse_oversized
from builder.exec.signals import cancel_on_signals
from builder.exec.worker import Outcome, World
from builder.io.cancel import CancelToken
from builder.io.leash import Leash
from builder.plan.plan import Action, Plan, PlannedStep
from builder.steps.caches import CacheDirs
from builder.steps.context import Network
from builder.store.entry import Entry
from builder.store.history import StepUse
from builder.store.store import Store

# Makes the plan; called again with what was damaged (and is removed by then) until all that is used is sound.
MakePlan: TypeAlias = Callable[[Mapping[Digest, str]], Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Runs plans with what `machine` has.

    `scope` names the checkout that history is kept for, `logs` the directory for step logs. `sink` is called by one
    thread at a time.
    """

    store: Store
    machine: Resources
    sink: EventSink
    cancel: CancelToken
    caches: CacheDirs
    network: Network
    logs: Path
    scope: str
    clock: Callable[[], float] = time.time

    def execute(self, make_plan: MakePlan) -> BuildResult:
        """Make the targets of the plan.

        Raises:
            StepsFailedError: steps failed; all that did not depend on them were made.
            InterruptedBuildError: the build was cancelled; no child process lives, no half-made entry is left.
            BuilderError: nothing was started, because a step needs more memory than the machine has.
        """
        return _Build(self).execute(make_plan)


class _Build:
    """One build."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._store = executor.store
        self._cancel = executor.cancel
        self._sink_lock = threading.Lock()
        self._sink_error: Exception | None = None
        self._started_s = time.monotonic()

    def execute(self, make_plan: MakePlan) -> BuildResult:
        try:
            result = self._execute(make_plan)
        except InterruptedBuildError:
            if self._sink_error is not None:
                raise self._sink_error from None
            raise
        if result.failures:
            raise StepsFailedError(result)
        return result

    def _execute(self, make_plan: MakePlan) -> BuildResult:
        with cancel_on_signals(self._cancel), self._store.at_work(cancel=self._cancel, on_wait=self._tell_collecting):
            plan = self._sound_plan(make_plan)
            refuse_oversized(plan, self._executor.machine)
            self._tell(_plan_made(plan))
            outcomes, skipped = self._run(plan) if _to_run(plan) else ([], [])
            self._cancel.check()
            self._remember(plan, outcomes)
            return self._result(plan, outcomes, skipped)

    def _sound_plan(self, make_plan: MakePlan) -> Plan:
        """A plan that relies on sound entries only; damaged ones are removed and planned to be made again."""
        damaged: dict[Digest, str] = {}
        sound: dict[Digest, bool] = {}
        while True:
            plan = make_plan(damaged)
            found = dict(self._find_damage(plan, sound))
            if not found:
                return plan
            damaged.update(found)

    def _find_damage(self, plan: Plan, sound: dict[Digest, bool]) -> list[tuple[Digest, str]]:
        """Check what `plan` relies on; `sound` remembers what was checked already, and whether thoroughly."""
        found = []
        for planned, thorough in _relied_on(plan):
            key = planned.step.key
            if key in sound and (sound[key] or not thorough):
                continue
            what = self._store.repair(key, thorough=thorough, cancel=self._cancel, check=self._cancel.check)
            if what is None:
                sound[key] = thorough
                continue
            self._tell(Warned(message=f"the stored result of {planned.step.id} is damaged and is made again: {what}"))
            found.append((key, what))
        return found

    def _run(self, plan: Plan) -> tuple[list[Outcome], list[Skipped]]:
        logs = RunLogs(self._executor.logs, self._executor.clock())
        logs.prepare()
        with Leash() as leash:
            world = World(
                store=self._store,
                sink=self._tell,
                cancel=self._cancel,
                caches=self._executor.caches,
                network=self._executor.network,
                leash=leash,
                logs=logs,
                scope=self._executor.scope,
                clock=self._executor.clock,
            )
            return Crew(world, plan, self._executor.machine, self._expected_bytes(plan)).work()

    def _expected_bytes(self, plan: Plan) -> dict[str, int]:
        """What each step is expected to write: what it declares, or else what its last result was."""
        steps = [planned.step for planned in _to_run(plan)]
        history = self._store.history(self._executor.scope, [step.id for step in steps])
        last = {step: known.size_bytes or 0 for step, known in history.items()}
        return {step.id: step.resources.disk_bytes or last.get(step.id, 0) for step in steps}

    def _remember(self, plan: Plan, outcomes: list[Outcome]) -> None:
        """Note the use of steps that did not run here; those that did were noted when they were done."""
        steps = [planned.step for planned in plan.steps if planned.action is Action.CACHED]
        steps += [outcome.planned.step for outcome in outcomes if outcome.entry is not None and outcome.made is None]
        uses = [StepUse(step=step.id, key=step.key, facts=step.facts) for step in steps]
        self._store.remember(self._executor.scope, uses)
        self._store.touch([step.key for step in steps], self._executor.clock())

    def _result(self, plan: Plan, outcomes: list[Outcome], skipped: list[Skipped]) -> BuildResult:
        entries = {outcome.entry.key: outcome.entry for outcome in outcomes if outcome.entry is not None}
        targets: dict[str, Entry] = {}
        for target in plan.targets:
            entry = entries.get(target.key) or self._store.open(target.key)
            if entry is not None:
                targets[target.key] = entry
        built = sum(outcome.made is not None for outcome in outcomes)
        return BuildResult(
            plan=plan,
            targets=targets,
            failures=[
                StepFailure(step=outcome.planned.step.id, error=outcome.error, log=outcome.log)
                for outcome in outcomes
                if outcome.error is not None
            ],
            skipped=skipped,
            built=built,
            cached=_cached(plan) + len(entries) - built,
            duration_s=time.monotonic() - self._started_s,
        )

    def _tell(self, event: Event) -> None:
        with self._sink_lock:
            try:
                self._executor.sink(event)
            except Exception as error:
                # Nobody listens any more (a closed pipe): the build ends, in whatever thread this was noticed.
                self._sink_error = self._sink_error or error
                self._cancel.set("events could not be told")
                raise

    def _tell_collecting(self) -> None:
        self._tell(Warned(message="garbage is being collected in the store; waiting for its end"))


def _to_run(plan: Plan) -> list[PlannedStep]:
    return [planned for planned in plan.steps if planned.action is Action.RUN]


def _cached(plan: Plan) -> int:
    return sum(planned.action is Action.CACHED for planned in plan.steps)


def _relied_on(plan: Plan) -> list[tuple[PlannedStep, bool]]:
    """The cached steps whose entries will be used, and whether a step reads them: those are checked thoroughly."""
    read = {needed.id for planned in _to_run(plan) for needed in planned.step.needs.values()}
    wanted = {target.id for target in plan.targets}
    return [
        (planned, planned.step.id in read)
        for planned in plan.steps
        if planned.action is Action.CACHED and planned.step.id in read | wanted
    ]


def _plan_made(plan: Plan) -> PlanMade:
    estimates = [planned.estimate_s for planned in _to_run(plan)]
    known = [estimate_s for estimate_s in estimates if estimate_s is not None]
    cached = _cached(plan)
    return PlanMade(
        steps=len(estimates) + cached,
        cached=cached,
        estimate_s=sum(known) if known or not estimates else None,
        unknown=len(estimates) - len(known),
    )
