"""Decides which steps run. Pure: everything it knows about the disk comes from the store's index."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from builder.core.digest import Digest
from builder.plan.plan import Action, Plan, PlannedStep
from builder.steps.step import Step

AnyStep: TypeAlias = Step[Any]

_MOST_CHANGES = 3
_LONGEST_VALUE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """What the store remembers of the last time that a step was made: its facts, and how long it took where that is known."""

    facts: Mapping[str, str]
    duration_s: float | None


class Index(Protocol):
    """What planning asks of the store; both answers come out of the index, in one query each."""

    def present(self, keys: Collection[Digest]) -> Collection[Digest]:
        """Those of `keys` that have a complete entry."""

    def last_runs(self, step_ids: Collection[str]) -> Mapping[str, LastRun]:
        """The last run of each step, where there was one."""


def make_plan(targets: Sequence[AnyStep], index: Index, *, damaged: Mapping[Digest, str] | None = None) -> Plan:
    """Every step that `targets` reach, with what is done about it and why.

    A step that only cached steps need is left alone, even when its own result is gone. `damaged` gives the reason for
    entries that were found damaged and removed.
    """
    order = _dependencies_first(targets)
    present = index.present([step.key for step in order])
    running = _running(targets, order, present)
    last_runs = index.last_runs([step.id for step in order if step.id in running])
    reasons = _Reasons(running=running, last_runs=last_runs, damaged=damaged or {})
    planned = [
        PlannedStep(
            step=step,
            action=_action(step, running, present),
            reason=reasons.of(step, present),
            estimate_s=last_runs[step.id].duration_s if step.id in last_runs else None,
        )
        for step in order
    ]
    return Plan(steps=tuple(planned), targets=tuple(targets))


def _dependencies_first(targets: Iterable[AnyStep]) -> list[AnyStep]:
    """All reachable steps, each after what it needs; without recursion, since a fleet's plan may be deep."""
    order: list[AnyStep] = []
    seen: set[str] = set()
    stack: list[tuple[AnyStep, bool]] = [(target, False) for target in reversed(list(targets))]
    while stack:
        step, expanded = stack.pop()
        if expanded:
            order.append(step)
        elif step.id not in seen:
            seen.add(step.id)
            stack.append((step, True))
            stack.extend((needed, False) for needed in reversed([*step.needs.values()]) if needed.id not in seen)
    return order


def _running(targets: Sequence[AnyStep], order: Sequence[AnyStep], present: Collection[Digest]) -> set[str]:
    """The ids of steps whose result is absent and wanted by a target or by another step that runs."""
    wanted = {step.id for step in targets}
    running: set[str] = set()
    for step in reversed(order):
        if step.id in wanted and step.key not in present:
            running.add(step.id)
            wanted.update(needed.id for needed in step.needs.values())
    return running


def _action(step: AnyStep, running: Collection[str], present: Collection[Digest]) -> Action:
    if step.id in running:
        return Action.RUN
    return Action.CACHED if step.key in present else Action.UNNEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reasons:
    """Words for why a step runs or does not."""

    running: Collection[str]
    last_runs: Mapping[str, LastRun]
    damaged: Mapping[Digest, str]

    def of(self, step: AnyStep, present: Collection[Digest]) -> str:
        if step.id not in self.running:
            return "cached" if step.key in present else "not needed: all that uses it is cached"
        if step.key in self.damaged:
            return f"damaged in the store: {self.damaged[step.key]}"
        last = self.last_runs.get(step.id)
        if last is None:
            return "never made before"
        if last.facts == step.facts:
            return "no longer in the store"
        return self._changes(step, last)

    def _changes(self, step: AnyStep, last: LastRun) -> str:
        names = sorted(set(last.facts) | set(step.facts), key=_own_facts_first)
        changed = [name for name in names if last.facts.get(name) != step.facts.get(name)]
        told = [_describe(step, name, last.facts.get(name), step.facts.get(name)) for name in changed[:_MOST_CHANGES]]
        if len(changed) > _MOST_CHANGES:
            told.append(f"and {len(changed) - _MOST_CHANGES} more")
        return ", ".join(told)


def _own_facts_first(name: str) -> tuple[bool, str]:
    """A step's own input says more than 'something that it needs changed', which follows from it."""
    return name.startswith("needs."), name


def _describe(step: AnyStep, name: str, before: str | None, after: str | None) -> str:
    """One changed fact for people: `input changed: cluster/main.go`, `input changed: version v1 -> v2 (recipe.yaml:3)`."""
    group, _, rest = name.partition(".")
    if group == "kind":
        return f"the step itself changed: {before} -> {after}"
    if group == "needs":
        return f"depends on {step.needs[rest].id}, which changed" if rest in step.needs else f"no longer needs {rest}"
    if group == "source":
        source = step.sources.get(rest)
        verb = "changed" if before and after else "added" if after else "removed"
        return f"input {verb}: {step.origins.get(name) or (source.path if source else rest)}"
    origin = f" ({step.origins[name]})" if name in step.origins else ""
    return f"input changed: {rest} {_written(before)} -> {_written(after)}{origin}"


def _written(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= _LONGEST_VALUE else f"{value[: _LONGEST_VALUE - 3]}..."
