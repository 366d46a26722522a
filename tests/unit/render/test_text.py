import pytest

from builder.cli.render.table import render_table
from builder.cli.render.text import (
    clean,
    cut_end,
    cut_start,
    display_width,
    format_duration,
    format_estimate,
    format_timer,
    one_line,
)


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("step", 4), ("größe", 5), ("gro\u0308ße", 5), ("日本", 4), ("a\u200bb", 2)]
)
def test_width_of_letters(text: str, columns: int) -> None:
    assert display_width(text) == columns


@pytest.mark.parametrize(
    ("columns", "end", "start"),
    [
        (12, "edge/日本/go", "edge/日本/go"),
        (11, "edge/日本/…", "…ge/日本/go"),
        (9, "edge/日…", "…/日本/go"),
        (8, "edge/日…", "…日本/go"),
        (7, "edge/…", "…本/go"),
        (1, "…", "…"),
        (0, "", ""),
    ],
)
def test_cut_to_columns(columns: int, end: str, start: str) -> None:
    assert cut_end("edge/日本/go", columns, "…") == end
    assert cut_start("edge/日本/go", columns, "…") == start
    assert max(display_width(end), display_width(start)) <= columns


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (72.4, "1 min 12 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(duration_s: float, text: str) -> None:
    assert format_duration(duration_s) == text


@pytest.mark.parametrize(("duration_s", "text"), [(0, "0:00"), (72.9, "1:12"), (3600, "1:00:00"), (7505, "2:05:05")])
def test_timers(duration_s: float, text: str) -> None:
    assert format_timer(duration_s) == text


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "a few seconds"),
        (10, "10 s"),
        (37, "40 s"),
        (54.9, "50 s"),
        (55, "1 min"),
        (254, "4 min"),
        (590, "10 min"),
        (800, "15 min"),
        (3400, "55 min"),
        (3500, "1 h"),
        (4100, "1 h 10 min"),
        (7140, "2 h"),
    ],
)
def test_estimates_are_no_more_precise_than_they_can_be(duration_s: float, text: str) -> None:
    assert format_estimate(duration_s) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("größer 日本", "größer 日本"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after \x1b]8;;http://x\x1b\\link", "after link"),
        ("progress 1\rprogress 2\r\n", "progress 1\\x0dprogress 2\n"),
        ("bell\x07 up\x1b[2A two\tlines\n", "bell\\x07 up two\tlines\n"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_other_programs_cannot_steer_the_terminal(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_one_line_has_no_line_breaks() -> None:
    assert one_line("a\nb\tc") == "a b c"


def test_table_aligns_wide_letters_and_numbers() -> None:
    table = render_table(("step", "size", "where"), [("日本", "5", "a\nb"), ("go", "1234", "")], right={"size"})
    assert table == "step  size  where\n日本     5  a b\ngo    1234\n"


def test_table_refuses_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="zip"):
        render_table(("a", "b"), [("1",)])
