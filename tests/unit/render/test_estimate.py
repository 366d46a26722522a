"""The remaining time: what is promised, and what is better not promised."""

import pytest

from builder.cli.render.estimate import Outlook, Pending, RunningWork, outlook
from builder.cli.render.tracker import Tracker
from builder.core.events import Event, PlanMade, StepSkipped, StepWaiting
from tests.unit.render.samples import cached, failed, finished, started


def _work(elapsed_s: float, estimate_s: float | None) -> RunningWork:
    return RunningWork(elapsed_s=elapsed_s, estimate_s=estimate_s)


def _about(left_s: float) -> Outlook:
    return Outlook(left_s=left_s, is_lower_bound=False)


def _at_least(left_s: float) -> Outlook:
    return Outlook(left_s=left_s, is_lower_bound=True)


@pytest.mark.parametrize(
    ("running", "pending", "lanes", "expected"),
    [
        pytest.param([_work(20, 60)], Pending(), 1.0, _about(40), id="one step, nothing after it"),
        pytest.param([_work(20, 60)], Pending(estimate_s=100), 1.0, _about(140), id="one after the other"),
        pytest.param([_work(0, 60)] * 2, Pending(estimate_s=120), 2.0, _about(120), id="two side by side"),
        pytest.param([_work(0, 60)] * 4, Pending(estimate_s=120), 2.0, _about(180), id="no faster than until now"),
        pytest.param([_work(0, 60)], Pending(estimate_s=120), 4.0, _about(180), id="no faster than now"),
        pytest.param([_work(0, 300), _work(0, 10)], Pending(), 2.0, _about(300), id="never before the longest step"),
        pytest.param([_work(0, None)], Pending(estimate_s=90), 1.0, _at_least(90), id="a running step is unknown"),
        pytest.param([_work(0, 90)], Pending(unknown=1), 1.0, _at_least(90), id="a pending step is unknown"),
        pytest.param([_work(70, 60)], Pending(estimate_s=30), 1.0, _at_least(30), id="a step takes longer than before"),
        pytest.param([_work(70, 60)], Pending(), 1.0, None, id="nothing is known of a step that takes longer"),
        pytest.param([_work(0, None)], Pending(unknown=3), 1.0, None, id="nothing is known at all"),
        pytest.param([_work(55, 60), _work(0, None)], Pending(), 2.0, None, id="at least a few seconds is no news"),
        pytest.param([_work(55, 60)], Pending(), 1.0, _about(5), id="a few seconds"),
        pytest.param([], Pending(), 1.0, None, id="nothing was planned"),
        pytest.param([], Pending(estimate_s=90), 0.0, _about(90), id="between two steps"),
    ],
)
def test_outlook(running: list[RunningWork], pending: Pending, lanes: float, expected: Outlook | None) -> None:
    assert outlook(running, pending, average_lanes=lanes) == expected


@pytest.mark.parametrize(
    ("told", "words"),
    [(_about(140), "about 2 min left"), (_at_least(30), "at least 30 s left"), (_about(2), "a few seconds left")],
)
def test_outlook_in_words(told: Outlook, words: str) -> None:
    assert str(told) == words


def _plan(**changes: float | None) -> PlanMade:
    fields = {"steps": 4, "cached": 0, "estimate_s": 100.0, "unknown": 0} | changes
    return PlanMade(**fields)  # type: ignore[arg-type]  # each row changes what it looks at


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([_plan()], _about(100), id="before the first step"),
        pytest.param([_plan(), started("a", estimate_s=40)], _about(100), id="a step begins"),
        pytest.param([_plan(), started("a", estimate_s=40), finished("a")], _about(60), id="a step ended"),
        pytest.param([_plan(), started("a", estimate_s=40), failed("a")], _about(60), id="a step failed"),
        pytest.param(
            [_plan(), started("a", estimate_s=40), failed("a"), StepSkipped(step="b", because_of="a", estimate_s=35)],
            _about(25),
            id="what is skipped takes no time",
        ),
        pytest.param([_plan(unknown=1), started("a")], _at_least(100), id="the unknown step runs"),
        pytest.param([_plan(unknown=1), started("a"), finished("a")], _about(100), id="the unknown step is done"),
        pytest.param(
            [_plan(), StepWaiting(step="a", estimate_s=40)], _at_least(60), id="another builder may take any time"
        ),
        pytest.param(
            [_plan(), StepWaiting(step="a", estimate_s=40), started("a", estimate_s=40)],
            _about(100),
            id="waited for in vain",
        ),
        pytest.param([_plan(), StepWaiting(step="a", estimate_s=40), cached("a")], _about(60), id="made by another"),
        pytest.param([_plan(estimate_s=None)], None, id="no earlier run"),
        pytest.param(
            [_plan(estimate_s=None), started("a", estimate_s=40)], _at_least(40), id="a plan without estimates"
        ),
        pytest.param([_plan(), started("a", estimate_s=400), finished("a")], None, id="estimates that do not add up"),
        pytest.param([started("a", estimate_s=40)], _about(40), id="no plan"),
    ],
)
def test_outlook_of_a_build(events: list[Event], expected: Outlook | None) -> None:
    tracker = Tracker(0.0)
    for event in events:
        tracker.apply(event, 0.0)
    assert tracker.view(0.0).outlook == expected


def test_lanes_are_averaged_over_the_time_in_which_anything_ran() -> None:
    tracker = Tracker(0.0)
    tracker.apply(PlanMade(steps=9, cached=0, estimate_s=450.0), 0.0)
    for step in ("a", "b", "c"):
        tracker.apply(started(step, estimate_s=50.0), 10.0)
    # Three ran side by side for twenty seconds, one for forty: 100 seconds of work in 60, so 5/3 lanes.
    tracker.apply(finished("a"), 30.0)
    tracker.apply(finished("b"), 30.0)
    tracker.apply(finished("c"), 70.0)
    for step in ("d", "e", "f"):
        tracker.apply(started(step, estimate_s=50.0), 90.0)
    told = tracker.view(90.0).outlook
    assert told is not None
    assert told.left_s == pytest.approx(300.0 / (100 / 60))
