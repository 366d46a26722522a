"""What steps of a scenario work with: the lab, kubectl, and the time that is left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.command import Command, CommandError
from builder.io.spawn import Runner
from builder.lab.client import LabClient
from builder.lab.inside import kubectl_inside
from builder.lab.result import Failure

LOOK_S, _SELDOM_S = 2.0, 30.0
_KUBECTL_S = 120.0
_LAST_LINES = 10


class StepError(BuilderError):
    """A step did not come to what was expected; `machine` is empty for none in particular."""

    def __init__(self, expected: str, *, machine: str = "", found: tuple[str, ...] = ()) -> None:
        super().__init__(expected, details=found)
        self.machine = machine


class KubectlError(BuilderError):
    """kubectl failed; `details` are the last lines of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The end of a step's time."""

    end_s: float
    within_s: int
    now: Callable[[], float] = field(default=time.monotonic)

    @property
    def left_s(self) -> float:
        """What is left of it, never nothing: whatever is asked with it has a moment to answer."""
        return max(self.end_s - self.now(), 0.1)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.now() >= self.end_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Theatre:
    """A lab that runs, for the steps of a scenario.

    `kubectl` are the words that its arguments follow on this computer; `inside` is the controller that it runs in instead, empty
    for none. `provision` takes a machine, and the one whose card is copied for it, or nothing. `now` is the time of day.
    """

    client: LabClient
    runner: Runner
    kubectl: tuple[str, ...]
    inside: str
    provision: Callable[[str, str], None]
    now: Callable[[], datetime]

    def ask_kubectl(self, arguments: tuple[str, ...], typed: str, deadline: Deadline) -> str:
        """What kubectl answers; `KubectlError` where it fails."""
        if self.inside:
            answer = self.client.run(self.inside, kubectl_inside(arguments, typed), min(deadline.left_s, _KUBECTL_S))
            if answer.status:
                raise KubectlError(
                    f"kubectl failed in {self.inside}", details=answer.output.splitlines()[-_LAST_LINES:]
                )
            return answer.output
        try:
            return self._ask_from_here(arguments, typed, deadline)
        except CommandError as error:
            failure = error.failure
            said = [*failure.captured.splitlines()[-_LAST_LINES:], *failure.last_lines]
            raise KubectlError(error.brief, details=said) from error

    def _ask_from_here(self, arguments: tuple[str, ...], typed: str, deadline: Deadline) -> str:
        source = self.client.place.path / "kubectl.stdin"
        source.write_text(typed)
        command = Command(
            argv=[*self.kubectl, *arguments],
            env={"KUBECONFIG": str(self.client.place.kubeconfig), "HOME": str(self.client.place.path)},
            cwd=self.client.place.path,
            stdin=source,
            timeout_s=min(deadline.left_s, _KUBECTL_S),
        )
        return self._quiet().capture(command)

    def until(self, deadline: Deadline, look: Callable[[], StepError | None]) -> None:
        """Look again and again until `look` finds nothing wrong; its last finding is raised when the time is over.

        A machine in trouble ends the waiting: nothing more is to be expected of it.
        """
        began_s = time.monotonic()
        while (wrong := look()) is not None:
            # What a look takes is work of a guest, which gets on with its own meanwhile.
            pause_s = min(max(LOOK_S, time.monotonic() - began_s), _SELDOM_S)
            self._check_trouble(wrong)
            if deadline.is_over:
                raise wrong
            self.runner.cancel.check()
            time.sleep(pause_s)
            began_s = time.monotonic()

    def _check_trouble(self, wrong: StepError) -> None:
        for machine in self.client.status().machines:
            if machine.trouble or machine.failure:
                why = (machine.trouble or machine.failure, *wrong.details)
                raise StepError(wrong.brief, machine=machine.name, found=why)

    def _quiet(self) -> Runner:
        return replace(self.runner, log=self.client.place.path / "kubectl.log")


@contextmanager
def told_as_failures() -> Iterator[None]:
    """Errors of what a step asks become the step's."""
    try:
        yield
    except StepError:
        raise
    except KubectlError as error:
        raise StepError(error.brief, found=tuple(error.details)) from error
    except CommandError as error:
        failure = error.failure
        said = (*failure.captured.splitlines()[-_LAST_LINES:], *failure.last_lines)
        raise StepError(error.brief, found=said) from error


def failure_of(error: BuilderError, client: LabClient, machine: str) -> Failure:
    """`error` with the last lines of the console of the machine that it is about, or of `machine`."""
    about = (error.machine if isinstance(error, StepError) else "") or machine
    console: tuple[str, ...] = ()
    if about:
        try:
            console = tuple(client.ask("last-lines", machine=about))
        except BuilderError:
            console = ("(the lab does not answer)",)
    found = error.details if isinstance(error, StepError) else (str(error),)
    expected = error.brief if isinstance(error, StepError) else "that it can be done"
    return Failure(machine=about, expected=expected, found=tuple(found), console=console)


def scenario_log(place: Path) -> Path:
    """The log of the commands of a scenario."""
    return place / "commands.log"
