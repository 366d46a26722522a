from collections.abc import Mapping
from typing import Any

import pytest

from builder.core.errors import BuilderError
from builder.core.resources import GIB, MIB, Resources
from builder.exec.schedule import Schedule, refuse_oversized
from builder.plan.plan import Action, Plan, PlannedStep
from builder.steps.context import StepContext
from builder.steps.step import Step, StepKind


def _nothing(_: str, __: StepContext) -> None:
    return


KIND = StepKind(name="none", version=1, run=_nothing)
MACHINE = Resources(cores=2, memory_bytes=GIB)


class Planned:
    """Makes plans: steps are added in dependency order."""

    def __init__(self) -> None:
        self.steps: dict[str, PlannedStep] = {}

    def add(
        self,
        name: str,
        *needs: str,
        s: float | None = None,
        resources: Resources | None = None,
        action: Action = Action.RUN,
    ) -> None:
        needed: Mapping[str, Step[Any]] = {need: self.steps[need].step for need in needs}
        step = Step(id=name, kind=KIND, input=name, needs=needed, resources=resources or Resources())
        self.steps[name] = PlannedStep(step=step, action=action, reason="", estimate_s=s)

    @property
    def plan(self) -> Plan:
        return Plan(steps=list(self.steps.values()), targets=[])


@pytest.fixture
def planned() -> Planned:
    return Planned()


def start_all(schedule: Schedule, now_s: float = 0.0) -> list[str]:
    started = []
    while (step := schedule.start_next(now_s)) is not None:
        started.append(step.step.id)
    return started


def test_a_step_starts_when_all_it_needs_is_complete(planned: Planned) -> None:
    planned.add("stored", action=Action.CACHED)
    planned.add("a", "stored")
    planned.add("b")
    planned.add("c", "a", "b")
    schedule = Schedule(planned.plan, MACHINE)
    assert start_all(schedule) == ["a", "b"]
    assert schedule.finish(planned.steps["a"], ok=True) == []
    assert start_all(schedule) == []
    schedule.finish(planned.steps["b"], ok=True)
    assert start_all(schedule) == ["c"]
    assert not schedule.is_done
    schedule.finish(planned.steps["c"], ok=True)
    assert schedule.is_done


def test_nothing_to_run_is_done(planned: Planned) -> None:
    planned.add("stored", action=Action.CACHED)
    planned.add("unneeded", action=Action.UNNEEDED)
    assert Schedule(planned.plan, MACHINE).is_done


def test_the_longest_way_goes_first(planned: Planned) -> None:
    planned.add("short", s=9.0)
    planned.add("head", s=1.0)
    planned.add("tail", "head", s=10.0)
    planned.add("unknown")
    schedule = Schedule(planned.plan, Resources(cores=1, memory_bytes=GIB))
    assert start_all(schedule) == ["head"]
    schedule.finish(planned.steps["head"], ok=True)
    assert start_all(schedule) == ["tail"]
    schedule.finish(planned.steps["tail"], ok=True)
    assert start_all(schedule) == ["short"]


def test_a_way_that_was_begun_goes_on_before_an_equally_long_one_begins(planned: Planned) -> None:
    planned.add("begun")
    planned.add("a-equal")
    planned.add("next", "begun")
    planned.add("end", "a-equal", "next")
    schedule = Schedule(planned.plan, Resources(cores=1, memory_bytes=GIB))
    assert start_all(schedule) == ["begun"]
    schedule.finish(planned.steps["begun"], ok=True)
    assert start_all(schedule) == ["next"]


def test_cores_and_memory_are_both_respected(planned: Planned) -> None:
    planned.add("large", resources=Resources(cores=1, memory_bytes=900 * MIB), s=5.0)
    planned.add("other", resources=Resources(cores=1, memory_bytes=200 * MIB), s=4.0)
    planned.add("small", resources=Resources(cores=1, memory_bytes=100 * MIB), s=3.0)
    schedule = Schedule(planned.plan, MACHINE)
    assert start_all(schedule) == ["large", "small"]


def test_a_step_that_wants_all_cores_is_clamped(planned: Planned) -> None:
    planned.add("wide", resources=Resources(cores=99))
    schedule = Schedule(planned.plan, MACHINE)
    assert start_all(schedule) == ["wide"]
    assert schedule.share(planned.steps["wide"]).cores == 2
    schedule.finish(planned.steps["wide"], ok=True)
    assert schedule.is_done


def test_small_steps_go_ahead_only_when_they_cost_no_time(planned: Planned) -> None:
    planned.add("running", s=10.0, resources=Resources(cores=1))
    planned.add("wide", s=9.0, resources=Resources(cores=2))
    planned.add("quick", s=3.0)
    planned.add("slow", s=8.0)
    planned.add("unknown")
    schedule = Schedule(planned.plan, MACHINE)
    assert start_all(schedule, now_s=0.0) == ["running", "slow"]
    schedule.finish(planned.steps["slow"], ok=True)
    # At 8 s there is room again at 10 s: a step of three seconds would delay the wide one, and so may an unknown one.
    assert start_all(schedule, now_s=8.0) == []
    schedule.finish(planned.steps["running"], ok=True)
    assert start_all(schedule, now_s=10.0) == ["wide"]


def test_downloads_run_beside_compilers_and_neither_waits_for_the_other(planned: Planned) -> None:
    """All downloads come first in the order, and their number is limited; the compilers need no connection."""
    for number in range(5):
        planned.add(f"download{number}", s=30.0, resources=Resources(cores=0, connections=1))
    planned.add("rootfs", *(f"download{number}" for number in range(5)), s=100.0)
    planned.add("compiler", s=90.0, resources=Resources(cores=2))
    planned.add("next", s=10.0, resources=Resources(cores=1))
    schedule = Schedule(planned.plan, Resources(cores=2, memory_bytes=GIB, connections=3))
    assert start_all(schedule) == ["download0", "download1", "download2", "compiler"]
    schedule.finish(planned.steps["download1"], ok=True)
    assert start_all(schedule) == ["download3"]
    schedule.finish(planned.steps["compiler"], ok=True)
    assert start_all(schedule) == ["next"]


def test_a_step_that_wants_more_connections_than_there_are_is_clamped(planned: Planned) -> None:
    planned.add("greedy", resources=Resources(cores=0, connections=99))
    schedule = Schedule(planned.plan, Resources(cores=1, memory_bytes=GIB, connections=8))
    assert start_all(schedule) == ["greedy"]
    assert schedule.share(planned.steps["greedy"]).connections == 8


def test_nothing_known_holds_nobody_back(planned: Planned) -> None:
    planned.add("a", resources=Resources(cores=1))
    planned.add("b", resources=Resources(cores=2), s=99.0)
    planned.add("c", resources=Resources(cores=1))
    schedule = Schedule(planned.plan, MACHINE)
    assert start_all(schedule) == ["b"]
    schedule.finish(planned.steps["b"], ok=True)
    assert start_all(schedule) == ["a", "c"]


def test_a_failure_skips_what_reaches_it_and_nothing_else(planned: Planned) -> None:
    planned.add("bad")
    planned.add("child", "bad")
    planned.add("grandchild", "child")
    planned.add("good")
    planned.add("both", "good", "grandchild")
    planned.add("fine", "good")
    schedule = Schedule(planned.plan, MACHINE)
    assert start_all(schedule) == ["bad", "good"]
    skipped = schedule.finish(planned.steps["bad"], ok=False)
    assert sorted(item.planned.step.id for item in skipped) == ["both", "child", "grandchild"]
    assert {item.because_of for item in skipped} == {"bad"}
    schedule.finish(planned.steps["good"], ok=True)
    assert start_all(schedule) == ["fine"]
    schedule.finish(planned.steps["fine"], ok=False)
    assert schedule.is_done


def test_two_failures_skip_a_common_dependant_once(planned: Planned) -> None:
    planned.add("a")
    planned.add("b")
    planned.add("both", "a", "b")
    schedule = Schedule(planned.plan, MACHINE)
    start_all(schedule)
    assert [item.planned.step.id for item in schedule.finish(planned.steps["a"], ok=False)] == ["both"]
    assert schedule.finish(planned.steps["b"], ok=False) == []
    assert schedule.is_done


def test_one_step_may_fill_two_roles(planned: Planned) -> None:
    planned.add("a")
    step = Step(id="twice", kind=KIND, input="x", needs={"x": planned.steps["a"].step, "y": planned.steps["a"].step})
    planned.steps["twice"] = PlannedStep(step=step, action=Action.RUN, reason="", estimate_s=None)
    schedule = Schedule(planned.plan, MACHINE)
    start_all(schedule)
    assert [item.planned.step.id for item in schedule.finish(planned.steps["a"], ok=False)] == ["twice"]


def test_only_steps_that_run_must_fit_the_machine(planned: Planned) -> None:
    planned.add("stored", resources=Resources(memory_bytes=9 * GIB), action=Action.CACHED)
    refuse_oversized(planned.plan, MACHINE)
    planned.add("huge", resources=Resources(memory_bytes=2 * GIB))
    with pytest.raises(BuilderError) as caught:
        refuse_oversized(planned.plan, MACHINE)
    assert caught.value.details == ("huge needs 2.0 GiB, this machine (or its control group) has 1.0 GiB",)
