"""Which step starts next: pure decisions over a plan, no threads and no clock of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from builder.core.errors import BuilderError
from builder.core.resources import Resources, format_size
from builder.plan.plan import Action, Plan, PlannedStep

# What a step without an earlier run counts as when the longest way is looked for.
_UNKNOWN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A step at work, and the time at which it is expected to be done (None where no earlier run is known)."""

    planned: PlannedStep
    done_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A step that cannot run, because `because_of` failed, which it needs directly or through others."""

    planned: PlannedStep
    because_of: str


class Schedule:
    """The steps of a plan that run, in dependency order, never using more than `machine` has.

    Of all steps that could start, the one with the longest expected way to the end goes first; of equals, the one that more
    has been done for already, so that a way that was begun goes on. When that one has to
    wait for room, another may go before it only if it takes nothing of what there is too little of, if it is expected to
    end before room is made anyway (backfilling), or if nothing is known about that; so a large step is not kept waiting
    by an endless row of small ones.
    """

    def __init__(self, plan: Plan, machine: Resources) -> None:
        self._machine = machine
        self._free = machine
        steps = [planned for planned in plan.steps if planned.action is Action.RUN]
        running = {planned.step.id for planned in steps}
        self._missing = {
            planned.step.id: {needed.id for needed in planned.step.needs.values()} & running for planned in steps
        }
        self._dependants = _dependants(steps)
        ways, depths = _longest_ways(steps, self._dependants), _depths(steps)
        self._ready = sorted(
            steps, key=lambda planned: (-ways[planned.step.id], -depths[planned.step.id], planned.step.id)
        )
        known: dict[Resources, Resources] = {}
        shares = {planned.step.id: self._share_of(planned) for planned in steps}
        # Equal ones are one object: hundreds of steps that wait for the same are judged once.
        self._shares = {step: known.setdefault(share, share) for step, share in shares.items()}
        self._running: dict[str, _Running] = {}

    @property
    def is_done(self) -> bool:
        """Whether nothing runs and nothing is left to run."""
        return not self._ready and not self._running

    def share(self, planned: PlannedStep) -> Resources:
        """What the step gets: what it asks for, but never more cores and connections than there are."""
        return self._shares[planned.step.id]

    def start_next(self, now_s: float) -> PlannedStep | None:
        """The next step to start now, from here on counted as running; None when there is none."""
        horizon_s: float | None = None
        scarce: frozenset[str] = frozenset()
        lacking: frozenset[str] = frozenset()
        judged: Resources | None = None
        for planned in self._ready:
            if self._missing[planned.step.id]:
                continue
            share = self._shares[planned.step.id]
            if share is not judged:
                judged, lacking = share, share.lacking(self._free)
            if lacking:
                if not scarce:
                    horizon_s = self._room_expected_s()
                scarce |= lacking
                continue
            if not share.takes_none_of(scarce) and not _ends_before(planned, now_s, horizon_s):
                continue
            self._start(planned, now_s)
            return planned
        return None

    def finish(self, planned: PlannedStep, *, ok: bool) -> list[Skipped]:
        """Note the end of a running step; what can never run now, when it failed."""
        self._running.pop(planned.step.id)
        self._free += self.share(planned)
        if ok:
            for dependant in self._dependants.get(planned.step.id, ()):
                self._missing[dependant.step.id].discard(planned.step.id)
            return []
        gone = self._reached_from(planned)
        # What an earlier failure took down already is told once.
        skipped = [item for item in self._ready if item.step.id in gone]
        self._ready = [item for item in self._ready if item.step.id not in gone]
        return [Skipped(planned=item, because_of=planned.step.id) for item in skipped]

    def _start(self, planned: PlannedStep, now_s: float) -> None:
        self._ready.remove(planned)
        self._free -= self.share(planned)
        done_s = None if planned.estimate_s is None else now_s + planned.estimate_s
        self._running[planned.step.id] = _Running(planned=planned, done_s=done_s)

    def _share_of(self, planned: PlannedStep) -> Resources:
        wanted = planned.step.resources
        return replace(
            wanted,
            cores=min(wanted.cores, self._machine.cores),
            connections=min(wanted.connections, self._machine.connections),
            disk_bytes=0,
        )

    def _room_expected_s(self) -> float | None:
        """When the last of the running steps is expected to be done, None where that is not known."""
        times = [running.done_s for running in self._running.values()]
        known = [time_s for time_s in times if time_s is not None]
        return max(known) if known and len(known) == len(times) else None

    def _reached_from(self, planned: PlannedStep) -> set[str]:
        reached: set[str] = set()
        pending = [planned.step.id]
        while pending:
            new = {dependant.step.id for dependant in self._dependants.get(pending.pop(), ())} - reached
            reached |= new
            pending += new
        return reached


def refuse_oversized(plan: Plan, machine: Resources) -> None:
    """Raise `BuilderError` when a step that would run needs more memory than `machine` has."""
    oversized = [
        planned.step
        for planned in plan.steps
        if planned.action is Action.RUN and planned.step.resources.memory_bytes > machine.memory_bytes
    ]
    if oversized:
        raise BuilderError(
            "this machine has too little memory for the build",
            details=[
                f"{step.id} needs {format_size(step.resources.memory_bytes)}, "
                f"this machine (or its control group) has {format_size(machine.memory_bytes)}"
                for step in oversized
            ],
            hint="build on a larger machine, or raise the control group's memory limit",
        )


def _dependants(steps: Sequence[PlannedStep]) -> dict[str, list[PlannedStep]]:
    found: dict[str, list[PlannedStep]] = {}
    for planned in steps:
        for needed in {needed.id for needed in planned.step.needs.values()}:
            found.setdefault(needed, []).append(planned)
    return found


def _longest_ways(steps: Sequence[PlannedStep], dependants: dict[str, list[PlannedStep]]) -> dict[str, float]:
    """Seconds from the start of each step to the end of the plan on the longest way, were there always room."""
    ways: dict[str, float] = {}
    for planned in reversed(steps):
        own_s = _UNKNOWN_S if planned.estimate_s is None else planned.estimate_s
        ways[planned.step.id] = own_s + max(
            (ways[dependant.step.id] for dependant in dependants.get(planned.step.id, ())), default=0.0
        )
    return ways


def _depths(steps: Sequence[PlannedStep]) -> dict[str, int]:
    """How many of `steps` run before each on the longest chain to it."""
    depths: dict[str, int] = {}
    for planned in steps:
        before = (depths[needed.id] + 1 for needed in planned.step.needs.values() if needed.id in depths)
        depths[planned.step.id] = max(before, default=0)
    return depths


def _ends_before(planned: PlannedStep, now_s: float, horizon_s: float | None) -> bool:
    if horizon_s is None:
        return True
    return planned.estimate_s is not None and now_s + planned.estimate_s <= horizon_s
