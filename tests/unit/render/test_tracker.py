import pytest

from builder.cli.render.messages import progress_text
from builder.cli.render.tracker import Tracker
from builder.core.events import Event, PlanMade, StepProgress, StepSkipped, StepWaiting
from builder.core.resources import MIB
from tests.unit.render.samples import cached, download, failed, finished, modules, started

PLAN = PlanMade(steps=10, cached=6, estimate_s=None)


@pytest.mark.parametrize(
    ("events", "done", "cached_steps"),
    [
        pytest.param([PLAN], 6, 6, id="cached steps are done from the start"),
        pytest.param([PLAN, *(cached(f"c{number}") for number in range(6))], 6, 6, id="and count once"),
        pytest.param([PLAN, *(cached(f"c{number}") for number in range(7))], 7, 7, id="even when more were found"),
        pytest.param([PLAN, started("a"), finished("a")], 7, 6, id="built"),
        pytest.param([PLAN, finished("a")], 7, 6, id="built, its start not told"),
        pytest.param([PLAN, started("a"), failed("a"), StepSkipped(step="b", because_of="a")], 8, 6, id="failed"),
        pytest.param([PLAN, StepWaiting(step="a"), cached("a")], 7, 6, id="made by another builder"),
    ],
)
def test_done_steps(events: list[Event], done: int, cached_steps: int) -> None:
    tracker = Tracker(0.0)
    for event in events:
        tracker.apply(event, 0.0)
    view = tracker.view(1.0)
    assert (view.done, view.cached, view.total, view.running) == (done, cached_steps, 10, ())


def test_downloads_add_up_over_running_finished_and_failed_steps() -> None:
    tracker = Tracker(0.0)
    events: list[Event] = [
        *(started(step) for step in "abc"),
        *(download(step, 10 * MIB) for step in "abc"),
        finished("a", downloaded_bytes=12 * MIB),
        failed("b"),
    ]
    for event in events:
        tracker.apply(event, 0.0)
    assert tracker.downloaded_bytes == 32 * MIB


def test_progress_of_an_unknown_step_is_ignored() -> None:
    tracker = Tracker(0.0)
    tracker.apply(download("late", MIB), 0.0)
    assert tracker.view(0.0).running == ()


def test_running_steps_are_in_the_order_of_their_start() -> None:
    tracker = Tracker(0.0)
    for second, step in enumerate(("b", "c", "a")):
        tracker.apply(started(step), float(second))
    assert [(one.step, one.elapsed_s) for one in tracker.view(5.0).running] == [("b", 5.0), ("c", 4.0), ("a", 3.0)]


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([download("a", 34 * MIB)], "34.0 MiB downloaded"),
        ([download("a", 34 * MIB, 70 * MIB)], "34.0 MiB of 70.0 MiB downloaded"),
        ([modules("a", 120)], "120/298 modules"),
        ([modules("a", 119), download("a", MIB), modules("a", 120)], "120/298 modules, 1.0 MiB downloaded"),
        ([StepProgress(step="a", what="compile", done=7, total=None, unit="packages")], "compile 7 packages"),
        ([StepProgress(step="a", what="unpack", done=MIB, total=None, unit="bytes")], "unpack 1.0 MiB"),
    ],
)
def test_progress_in_words(events: list[StepProgress], text: str) -> None:
    tracker = Tracker(0.0)
    tracker.apply(started("a"), 0.0)
    for event in events:
        tracker.apply(event, 0.0)
    assert progress_text(tracker.view(0.0).running[0].progress) == text
