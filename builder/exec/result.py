"""What came out of a build."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.core.errors import BuilderError, ExitCode
from builder.exec.schedule import Skipped
from builder.plan.plan import Plan
from builder.steps.step import Step
from builder.store.entry import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """A step that failed, and its log."""

    step: str
    error: BuilderError
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """A build that ended by itself. `targets` maps the key of each complete target to its entry.

    `built` steps ran, `cached` ones were in the store (or were made by another builder meanwhile).
    """

    plan: Plan
    targets: Mapping[str, Entry]
    failures: Sequence[StepFailure]
    skipped: Sequence[Skipped]
    built: int
    cached: int
    duration_s: float

    def output(self, step: Step[Any]) -> Path:
        """The files of the target `step`, read-only."""
        return self.targets[step.key].output

    def entry(self, step: Step[Any]) -> Entry:
        """The store's entry of the target `step`."""
        return self.targets[step.key]


class StepsFailedError(BuilderError):
    """Steps of a build failed; `result` has all of them and what was built all the same.

    The exit code is that of the failures when they agree.
    """

    told_by_events = True

    def __init__(self, result: BuildResult) -> None:
        failures = result.failures
        names = ", ".join(failure.step for failure in failures)
        number = f"{len(failures)} steps" if len(failures) > 1 else "a step"
        details = [f"{failure.step}: {failure.error.brief}" for failure in failures]
        if result.skipped:
            details.append(f"not run because of this: {', '.join(item.planned.step.id for item in result.skipped)}")
        super().__init__(f"{number} failed: {names}", details=details)
        self.result = result
        codes = {failure.error.exit_code for failure in failures}
        self.exit_code = codes.pop() if len(codes) == 1 else ExitCode.BUILD_FAILED
