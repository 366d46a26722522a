"""How scenarios went: what reports are made from."""

from builder.lab.status import LabStatus
from builder.recipe.section import Section


class Failure(Section):
    """Why a step failed: at which machine (empty for none in particular), what was expected, and what was there instead."""

    machine: str
    expected: str
    found: tuple[str, ...]
    console: tuple[str, ...]


class StepResult(Section):
    """A step: `what` says it in words, times are seconds of the lab. Without `failure` it went well."""

    number: int
    what: str
    began_s: float
    took_s: float
    failure: Failure | None = None


class ScenarioResult(Section):
    """A scenario. `error` is why it did not come to its steps, or not to their end, where no step is to blame."""

    name: str
    file: str
    title: str
    took_s: float
    steps: tuple[StepResult, ...]
    not_run: int = 0
    error: str = ""
    lab: LabStatus | None = None

    @property
    def is_good(self) -> bool:
        """Whether all went well."""
        return not self.error and not any(step.failure for step in self.steps)


def failure_lines(step: StepResult) -> list[str]:
    """What people are told of a step that failed: the step, the machine, what was expected, and the console's last lines."""
    failure = step.failure
    if failure is None:
        return []
    lines = [f"step {step.number}: {step.what}"]
    lines += [f"machine: {failure.machine}"] if failure.machine else []
    lines += [f"expected: {failure.expected}", *(f"found: {line}" for line in failure.found)]
    if failure.console:
        lines += [f"the last lines of {failure.machine}'s console:", *(f"  {line}" for line in failure.console)]
    return lines
