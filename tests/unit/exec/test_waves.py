from dataclasses import dataclass
from typing import Any

import pytest

from builder.core.resources import GIB, Resources
from builder.exec.schedule import Schedule
from builder.plan.plan import Action, Plan, PlannedStep
from builder.steps.context import StepContext
from builder.steps.step import Step, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A step's input where only its needs for cores and memory matter."""


def _never(_: Nothing, __: StepContext) -> None:
    """Only scheduled, never run."""


KIND = StepKind(name="nothing", version=1, run=_never)


def _step(name: str, cores: int, memory_gib: int = 1) -> PlannedStep:
    step = Step(id=name, kind=KIND, input=Nothing(), resources=Resources(cores=cores, memory_bytes=memory_gib * GIB))
    return PlannedStep(step=step, action=Action.RUN, reason="", estimate_s=None)


def _schedule(machine: Resources, *steps: PlannedStep) -> Schedule:
    targets: list[Step[Any]] = [planned.step for planned in steps]
    return Schedule(Plan(steps=steps, targets=targets), machine)


def _start_all(schedule: Schedule) -> dict[str, int]:
    """Cores by step of everything that starts now."""
    started = {}
    while (planned := schedule.start_next(0.0)) is not None:
        started[planned.step.id] = schedule.share(planned).cores
    return started


@pytest.mark.parametrize(
    ("machine_cores", "wanted", "shares"),
    [
        pytest.param(2, {"a": 8}, {"a": 2}, id="alone it gets all"),
        pytest.param(2, {"a": 8, "b": 8, "c": 8}, {"a": 1, "b": 1}, id="no more members than cores"),
        pytest.param(4, {"a": 8, "b": 8, "c": 8}, {"a": 2, "b": 1, "c": 1}, id="what is over goes to the first"),
        pytest.param(16, {"a": 2, "b": 2}, {"a": 2, "b": 2}, id="never more than it can use"),
        pytest.param(1, {"a": 8, "b": 8}, {"a": 1}, id="one core"),
    ],
)
def test_a_wave_divides_the_cores(machine_cores: int, wanted: dict[str, int], shares: dict[str, int]) -> None:
    machine = Resources(cores=machine_cores, memory_bytes=64 * GIB)
    assert _start_all(_schedule(machine, *(_step(name, cores) for name, cores in wanted.items()))) == shares


def test_the_next_wave_waits_for_the_last_of_this_one() -> None:
    steps = {name: _step(name, 8) for name in "abc"}
    schedule = _schedule(Resources(cores=2, memory_bytes=64 * GIB), *steps.values())
    assert _start_all(schedule) == {"a": 1, "b": 1}
    schedule.finish(steps["a"], ok=True)
    assert _start_all(schedule) == {}
    schedule.finish(steps["b"], ok=True)
    assert _start_all(schedule) == {"c": 2}


def test_a_step_without_memory_beside_the_first_is_no_reason_to_share_cores() -> None:
    schedule = _schedule(Resources(cores=2, memory_bytes=8 * GIB), _step("a", 8, 6), _step("b", 8, 6))
    assert _start_all(schedule) == {"a": 2}


def test_a_failed_member_does_not_hold_the_next_wave_back() -> None:
    steps = {name: _step(name, 8) for name in "abc"}
    schedule = _schedule(Resources(cores=2, memory_bytes=64 * GIB), *steps.values())
    _start_all(schedule)
    schedule.finish(steps["a"], ok=False)
    schedule.finish(steps["b"], ok=False)
    assert _start_all(schedule) == {"c": 2}


def test_small_steps_fill_what_a_wave_leaves() -> None:
    machine = Resources(cores=4, memory_bytes=64 * GIB)
    assert _start_all(_schedule(machine, _step("big", 2), _step("small", 1))) == {"big": 2, "small": 1}
