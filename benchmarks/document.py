"""docs/benchmarks.md: one section per group between markers, each replaced by itself."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks.machine import Circumstances
from benchmarks.report import Figure, Measurement, Report, Table, Unit, format_value
from builder.core.errors import RecipeError

# Beside the causes of a group: what a reader has to know of its figures.
REMARK = "remark"
# Per group, the cause of each figure that is not met, by the figure's name.
Causes: TypeAlias = Mapping[str, Mapping[str, str]]

HEAD = """\
# Benchmarks

<!-- The sections are generated, do not edit them: ./run-benchmarks --write. Causes stand in benchmarks/causes.toml. -->

What the builder costs, each figure measured in turn with its alternative (A B A B) in the same run. The median counts.
`./run-benchmarks [GROUP...] --write` measures again; nothing here is a test.
"""


def read_causes(path: Path) -> Causes:
    """The causes in the TOML file at `path`."""
    try:
        causes = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: {error}") from None
    for group, rows in causes.items():
        if not isinstance(rows, dict) or not all(isinstance(cause, str) for cause in rows.values()):
            raise RecipeError(f"{path}: [{group}] is not a table of texts")
    return causes


def updated_page(page: str, group: str, section: str, order: Sequence[str]) -> str:
    """`page` with the section of `group` replaced, or put where `order` says; `page` may be empty."""
    sections = {name: _find(page, name) for name in order}
    sections[group] = f"{_begin(group)}\n{section.strip()}\n{_end(group)}\n"
    return "\n".join([HEAD, *(text for name in order if (text := sections[name]))])


def render_section(report: Report, circumstances: Circumstances, causes: Mapping[str, str]) -> str:
    """The section of a report in Markdown; `causes` are those of its group."""
    return "\n".join(_section(report, circumstances, causes)) + "\n"


def _section(report: Report, circumstances: Circumstances, causes: Mapping[str, str]) -> Iterator[str]:
    yield from (f"## {report.group}", "")
    yield f"{circumstances.at:%Y-%m-%d %H:%M} UTC, commit {circumstances.commit}, `./run-benchmarks {report.group}`."
    yield f"{circumstances.machine}; load {circumstances.load:.1f} at the beginning."
    if report.figures:
        yield from ("", *_table(_figures(report.figures)))
    missed = [figure for figure in report.figures if not figure.is_met]
    if missed:
        yield ""
    yield from (f"- {figure.name}: {causes.get(figure.name, 'cause not yet known')}" for figure in missed)
    if REMARK in causes:
        yield from ("", causes[REMARK].strip())
    if report.measurements:
        yield from ("", *_table(_measurements(report)))
    for table in report.tables:
        yield from ("", f"### {table.title}", "", *_table(table))
    if report.notes:
        yield ""
    yield from (f"- {note}" for note in report.notes)


def render_text(report: Report) -> str:
    """The tables of a report for a terminal."""
    lines = [f"=== {report.group}"]
    for table in (_figures(report.figures), _measurements(report), *report.tables):
        lines += ["", *_aligned(table)] if table.rows else []
    return "\n".join([*lines, "", *report.notes, ""])


def _figures(figures: Sequence[Figure]) -> Table:
    rows = [
        (
            figure.name,
            f"at most {format_value(figure.limit, figure.unit)}",
            format_value(figure.series.median, figure.unit),
            "yes" if figure.is_met else "**no**",
        )
        for figure in figures
    ]
    return Table(title="Figures", columns=("figure", "asked for", "measured", "met"), rows=rows)


def _measurements(report: Report) -> Table:
    rows = [_measurement(report, one) for one in report.measurements]
    columns = ("measured", "median", "min", "max", "runs", "ratio (min to max)", "to")
    return Table(title="Measurements", columns=columns, rows=rows)


def _measurement(report: Report, one: Measurement) -> tuple[str, ...]:
    ratio = report.ratio(one)
    times = (
        [format_value(value, Unit.TIMES) for value in (ratio.median, ratio.smallest, ratio.largest)] if ratio else []
    )
    return (
        one.name,
        *(format_value(value, one.unit) for value in (one.series.median, one.series.smallest, one.series.largest)),
        str(len(one.series.values)),
        f"{times[0]} ({times[1]} to {times[2]})" if times else "",
        one.against,
    )


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.columns)} |"
    yield "|" + "---|" * len(table.columns)
    yield from (f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in table.rows)


def _aligned(table: Table) -> Iterator[str]:
    lines = [table.columns, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.columns))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _find(page: str, group: str) -> str:
    """The section of `group` with its markers, empty where there is none."""
    match = re.search(f"^{re.escape(_begin(group))}\n.*?^{re.escape(_end(group))}\n", page, re.DOTALL | re.MULTILINE)
    return match[0] if match else ""


def _begin(group: str) -> str:
    return f"<!-- begin {group} -->"


def _end(group: str) -> str:
    return f"<!-- end {group} -->"
