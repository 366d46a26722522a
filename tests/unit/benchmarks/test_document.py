from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.document import HEAD, REMARK, read_causes, render_section, render_text, updated_page
from benchmarks.machine import Circumstances, Machine
from benchmarks.report import Figure, Measurement, Report, Table, Unit
from benchmarks.stats import Series
from builder.core.errors import RecipeError

ORDER = ["start", "plan", "cold"]
CIRCUMSTANCES = Circumstances(
    machine=Machine(cpu="Example CPU", cores=2, memory_bytes=8 << 30, kernel="6.1.0", file_system="ext4"),
    at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    commit="0123456789",
    load=0.25,
)
REPORT = Report(
    group="cold",
    figures=[
        Figure(name="quick", limit=1.0, unit=Unit.SECONDS, series=Series.of(0.5, 2.0, 0.6)),
        Figure(name="slow", limit=1.1, unit=Unit.TIMES, series=Series.of(1.2)),
    ],
    measurements=[
        Measurement(name="ours", unit=Unit.SECONDS, series=Series.of(3.0, 2.0), against="theirs"),
        Measurement(name="theirs", unit=Unit.SECONDS, series=Series.of(2.0, 1.0)),
    ],
    tables=[Table(title="Parts", columns=("part", "time"), rows=[("a|b", "1 s")])],
    notes=["A note."],
)


def test_a_section_holds_all_that_was_found() -> None:
    assert render_section(REPORT, CIRCUMSTANCES, {"slow": "The disk."}) == (
        "## cold\n\n"
        "2026-01-02 03:04 UTC, commit 0123456789, `./run-benchmarks cold`.\n"
        "Example CPU, 2 cores, 8.0 GiB of memory, Linux 6.1.0, ext4; load 0.2 at the beginning.\n\n"
        "| figure | asked for | measured | met |\n|---|---|---|---|\n"
        "| quick | at most 1.000 s | 0.600 s | yes |\n"
        "| slow | at most 1.10 | 1.20 | **no** |\n\n"
        "- slow: The disk.\n\n"
        "| measured | median | min | max | runs | ratio (min to max) | to |\n|---|---|---|---|---|---|---|\n"
        "| ours | 2.500 s | 2.000 s | 3.000 s | 2 | 1.75 (1.50 to 2.00) | theirs |\n"
        "| theirs | 1.500 s | 1.000 s | 2.000 s | 2 |  |  |\n\n"
        "### Parts\n\n| part | time |\n|---|---|\n| a/b | 1 s |\n\n"
        "- A note.\n"
    )


def test_without_promises_there_is_no_table_of_them() -> None:
    assert "| figure |" not in render_section(replace(REPORT, figures=[]), CIRCUMSTANCES, {})


def test_a_missed_figure_without_a_cause_says_so() -> None:
    assert "- slow: cause not yet known\n" in render_section(REPORT, CIRCUMSTANCES, {"other": "The disk."})


def test_a_remark_stands_below_the_figures_even_where_all_are_met() -> None:
    section = render_section(REPORT, CIRCUMSTANCES, {REMARK: "Measured beside other work.\n"})
    assert section.index("Measured beside other work.\n\n| measured |") > section.index("| figure |")


def test_the_text_for_a_terminal_is_aligned() -> None:
    lines = render_text(REPORT).splitlines()
    assert lines[0] == "=== cold"
    assert "quick   at most 1.000 s  0.600 s   yes" in lines


def test_sections_appear_in_order_whatever_was_measured_first() -> None:
    page = updated_page("", "cold", "COLD", ORDER)
    page = updated_page(page, "start", "START", ORDER)
    assert page.startswith(HEAD)
    assert page.index("START") < page.index("COLD")


def test_a_section_is_replaced_and_the_others_stay() -> None:
    page = ""
    for group in ORDER:
        page = updated_page(page, group, f"first {group}", ORDER)
    again = updated_page(page, "plan", "second plan", ORDER)
    assert again == page.replace("first plan", "second plan")


def test_the_same_section_again_changes_nothing() -> None:
    page = updated_page(updated_page("", "plan", "PLAN", ORDER), "start", "START", ORDER)
    assert updated_page(page, "plan", "PLAN", ORDER) == page


def test_causes_are_read_by_group_and_figure(tmp_path: Path) -> None:
    path = tmp_path / "causes.toml"
    path.write_text('[cold]\n"slow" = "The disk."\n')
    assert read_causes(path) == {"cold": {"slow": "The disk."}}


@pytest.mark.parametrize("text", ["[cold", "cold = 1\n", "[cold]\nslow = 1\n"])
def test_broken_causes_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "causes.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"causes\.toml"):
        read_causes(path)


def test_the_checkout_s_causes_can_be_read() -> None:
    read_causes(Path(__file__).parents[3] / "benchmarks" / "causes.toml")


def test_all_values_are_in_the_json() -> None:
    figures = REPORT.to_json()["figures"]
    assert isinstance(figures, list)
    assert figures[0] == {
        "name": "quick",
        "limit": 1.0,
        "met": True,
        "unit": "s",
        "median": 0.6,
        "min": 0.5,
        "max": 2.0,
        "values": [0.5, 2.0, 0.6],
    }
