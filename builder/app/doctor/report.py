"""What was found, one line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from builder.core.digest import Json
from builder.core.errors import ExitCode

REPORT_VERSION = 1


class Verdict(StrEnum):
    """`missing` means that a build cannot succeed; `warning` that something is slower, at risk or not available."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `hint` says what a verdict other than ok means and what to do; empty when ok."""

    name: str
    verdict: Verdict
    found: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings, in the order in which people read them."""

    findings: Sequence[Finding]

    @property
    def exit_code(self) -> ExitCode:
        """OK when everything that a build needs is there."""
        is_missing = any(finding.verdict is Verdict.MISSING for finding in self.findings)
        return ExitCode.MISSING_TOOL if is_missing else ExitCode.OK

    def to_json(self) -> dict[str, Json]:
        """The wire form; `version` rises only when a field changes its meaning or goes away."""
        return {
            "version": REPORT_VERSION,
            "can_build": self.exit_code is ExitCode.OK,
            "findings": [
                {"name": one.name, "verdict": one.verdict.value, "found": one.found, "hint": one.hint}
                for one in self.findings
            ],
        }


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name=name, verdict=Verdict.OK, found=found)


def warning(name: str, found: str, hint: str) -> Finding:
    """A build succeeds, but there is something to know."""
    return Finding(name=name, verdict=Verdict.WARNING, found=found, hint=hint)


def missing(name: str, found: str, hint: str) -> Finding:
    """A build cannot succeed."""
    return Finding(name=name, verdict=Verdict.MISSING, found=found, hint=hint)
