"""What `builder doctor` shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from builder.cli.render.table import render_table
from builder.cli.render.text import count

if TYPE_CHECKING:
    from builder.app.doctor.report import Finding, Report


def render_report(report: "Report") -> str:
    """One aligned line per finding, its hint below it, then the result."""
    rows: list[tuple[str, str, str]] = []
    for finding in report.findings:
        rows.append((finding.verdict, finding.name, finding.found))
        if finding.hint:
            rows.append(("", "", f"  {finding.hint}"))
    return render_table(("verdict", "what", "found"), rows) + "\n" + _result(report.findings) + "\n"


def _result(findings: "Sequence[Finding]") -> str:
    lacking = [finding.name for finding in findings if finding.verdict == "missing"]
    warned = sum(finding.verdict == "warning" for finding in findings)
    if lacking:
        return f"This machine cannot build: {', '.join(lacking)}."
    tail = f", with {count(warned, 'warning')}" if warned else ""
    return f"This machine has everything that a build needs{tail}."
