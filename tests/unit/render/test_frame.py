"""The changing part of the screen, as a pure function of the build and the terminal's size."""

import pytest

from builder.cli.render.frame import frame_lines
from builder.cli.render.layout import plain_texts
from builder.cli.render.symbols import ASCII, UNICODE, choose_symbols
from builder.cli.render.text import display_width
from builder.cli.render.tracker import Tracker
from builder.core.events import PlanMade, StepWaiting
from builder.core.resources import MIB
from tests.unit.render.samples import download, modules, started

LONG = "machines/a-gateway-with-a-very-long-name/partition/rootfs/armv7/executable"


def _tracker(*steps: str, estimate_s: float | None = 270.0) -> Tracker:
    tracker = Tracker(0.0)
    tracker.apply(PlanMade(steps=57, cached=45, estimate_s=1000.0), 0.0)
    for step in steps:
        tracker.apply(started(step, estimate_s=estimate_s, reason="input changed: cluster/go.mod"), 28.0)
    return tracker


def _frame(
    tracker: Tracker, columns: int, *, rows: int = 24, ascii_only: bool = False, now_s: float = 100.0
) -> list[str]:
    symbols = ASCII if ascii_only else UNICODE
    return plain_texts(frame_lines(tracker.view(now_s), columns=columns, rows=rows, symbols=symbols))


def test_wide_terminal_shows_everything() -> None:
    tracker = _tracker("edge/armv7/executable", "edge/modules")
    tracker.apply(modules("edge/modules", 120), 50.0)
    tracker.apply(download("edge/modules", 34 * MIB), 50.0)
    assert _frame(tracker, 110) == [
        "⠋ edge/armv7/executable  input changed: cluster/go.mod                                          1:12 of ~4:30",
        "⠋ edge/modules           120/298 modules, 34.0 MiB downloaded                                   1:12 of ~4:30",
        "━━━━━━━━━━━━━━━─────  45/57 steps · 45 cached · 34.0 MiB downloaded · 1:40 · about 7 min left",
    ]


def test_forty_columns_keep_what_matters_most() -> None:
    tracker = _tracker(LONG, "edge/modules")
    tracker.apply(modules("edge/modules", 120), 50.0)
    assert _frame(tracker, 40) == [
        "⠋ …otfs/armv7/executable  1:12 of ~4:30",
        "⠋ edge/modules            1:12 of ~4:30",
        "45/57 steps · 1:40 · about 7 min left",
    ]


def test_ascii_terminal_gets_ascii_only() -> None:
    tracker = _tracker(LONG)
    tracker.apply(StepWaiting(step="edge/arm64/executable"), 90.0)
    assert _frame(tracker, 72, ascii_only=True) == [
        "- .../rootfs/armv7/executable  input changed: cluster...  1:12 of ~4:30",
        "~ edge/arm64/executable        another builder makes it            0:10",
        "###########...  45/57 steps | 45 cached | 1:40 | at least 15 min left",
    ]


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("columns", [1, 2, 10, 20, 39, 40, 41, 60, 80, 132, 400])
def test_no_line_reaches_the_last_column(columns: int, ascii_only: bool) -> None:
    tracker = _tracker(LONG, "a", "größe/日本語/" + LONG)
    tracker.apply(modules("a", 120), 50.0)
    tracker.apply(download("a", 34 * MIB), 50.0)
    tracker.apply(StepWaiting(step="b\nc"), 50.0)
    for line in _frame(tracker, columns, ascii_only=ascii_only):
        assert display_width(line) <= max(columns - 1, 1)
        assert "\n" not in line


@pytest.mark.parametrize(("rows", "lines"), [(24, 11), (12, 11), (8, 7), (4, 3), (3, 2), (1, 2)])
def test_frame_leaves_room_on_low_terminals(rows: int, lines: int) -> None:
    frame = _frame(_tracker(*(f"step/{number}" for number in range(10))), 80, rows=rows)
    assert len(frame) == lines
    named = sum("step/" in line for line in frame)
    assert named == 10 or f"  and {10 - named} more" in frame


def test_a_step_that_takes_longer_than_before_says_so() -> None:
    (line, _) = _frame(_tracker("a"), 80, now_s=28.0 + 310.0)
    assert line.endswith("5:10, was 4:30")


def test_a_step_that_never_ran_has_no_estimate() -> None:
    (line, bar) = _frame(_tracker("a", estimate_s=None), 80)
    assert line.endswith(" 1:12")
    assert "at least" in bar


def test_bar_keeps_its_width_while_numbers_grow() -> None:
    tracker = _tracker("a")
    before = _frame(tracker, 100)[-1]
    tracker.apply(download("a", 12345 * MIB), 50.0)
    after = _frame(tracker, 100, now_s=10_000.0)[-1]
    assert before.index(" ") == after.index(" ") == 19


def test_before_the_plan_is_known() -> None:
    assert _frame(Tracker(99.0), 80) == ["planning · 0:01"]


def test_spinner_turns() -> None:
    tracker = _tracker("a")
    assert {_frame(tracker, 80, now_s=100.05 + tick / 10)[0][0] for tick in range(10)} == set(UNICODE.spinner)


@pytest.mark.parametrize(
    ("encoding", "term", "ascii_only"),
    [
        ("utf-8", "xterm", False),
        ("UTF-8", "linux", True),
        ("ascii", "xterm", True),
        ("iso-8859-15", "xterm", True),
        ("no-such-encoding", "xterm", True),
    ],
)
def test_signs_fit_the_terminal(encoding: str, term: str, ascii_only: bool) -> None:
    assert choose_symbols(encoding, {"TERM": term}) == (ASCII if ascii_only else UNICODE)
