"""Each thing that a step can do."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from builder.app.scenarios.expectations import wrong_expectation
from builder.app.scenarios.stage import LOOK_S, Deadline, KubectlError, StepError, Theatre
from builder.core.errors import VerificationError
from builder.lab.scenario import (
    BootStep,
    ClockStep,
    ConsoleStep,
    ExpectStep,
    KubectlStep,
    NetworkStep,
    PowerCutStep,
    ProvisionStep,
    RunStep,
    Step,
)
from builder.lab.stages import ORDER

_LAST_LINES = 20


def act(step: Step, theatre: Theatre, deadline: Deadline) -> None:
    """Do what `step` says; `StepError` where that does not come to what it must."""
    for name, action in _ACTIONS.items():
        if (wanted := getattr(step, name)) is not None:
            action(wanted, theatre, deadline)


def words_of(step: Step) -> str:
    """What `step` does, for people."""
    if step.name:
        return step.name
    for name, words in _WORDS.items():
        if (wanted := getattr(step, name)) is not None:
            return words(wanted)
    return ""


def machine_of(step: Step) -> str:
    """The machine that `step` is about, empty where it is about several or none."""
    found = [getattr(step, name).machine for name in _OF_A_MACHINE if getattr(step, name)]
    found += step.boot.machines if step.boot and len(step.boot.machines) == 1 else []
    return found[0] if found else ""


_OF_A_MACHINE = ("power_cut", "cut", "heal", "clock", "provision", "run", "console")


def _boot(step: BootStep, theatre: Theatre, deadline: Deadline) -> None:
    on = {machine.name for machine in theatre.client.status().machines if machine.is_on}
    for name in step.machines:
        if name not in on:
            theatre.client.ask("power-on", machine=name)
    wanted = ORDER.index(step.until)

    def look() -> StepError | None:
        for machine in theatre.client.status().machines:
            reached = ORDER.index(machine.stage) if machine.stage else -1
            if machine.name in step.machines and (reached < wanted or not machine.is_on):
                found = f"{machine.name} is {'at ' + (machine.stage or 'nothing yet') if machine.is_on else 'off'}"
                expected = f"{machine.name} reaches {step.until.value} within {deadline.within_s} s"
                return StepError(expected, machine=machine.name, found=(found,))
        return None

    theatre.until(deadline, look)


def _power_cut(step: PowerCutStep, theatre: Theatre, _: Deadline) -> None:
    theatre.client.ask("power-cut", machine=step.machine)
    if not step.stay_off:
        theatre.client.ask("power-on", machine=step.machine)


def _cut(step: NetworkStep, theatre: Theatre, _: Deadline) -> None:
    theatre.client.ask("cut", machine=step.machine, network=step.network or "", is_cut=True)


def _heal(step: NetworkStep, theatre: Theatre, _: Deadline) -> None:
    theatre.client.ask("cut", machine=step.machine, network=step.network or "", is_cut=False)


def _clock(step: ClockStep, theatre: Theatre, _: Deadline) -> None:
    shift_s = step.shift_s
    if step.day:
        shift_s = int((datetime.fromisoformat(step.day).replace(tzinfo=UTC) - theatre.now()).total_seconds())
    theatre.client.ask("clock", machine=step.machine, shift_s=shift_s)


def _provision(step: ProvisionStep, theatre: Theatre, _: Deadline) -> None:
    theatre.provision(step.machine, step.card_of or "")


def _kubectl(step: KubectlStep, theatre: Theatre, deadline: Deadline) -> None:
    if step.until is None:
        theatre.ask_kubectl(step.arguments, step.input, deadline)
        return
    pattern = re.compile(step.until, re.MULTILINE)

    def look() -> StepError | None:
        expected = f"kubectl {' '.join(step.arguments)} says {step.until} within {deadline.within_s} s"
        try:
            said = theatre.ask_kubectl(step.arguments, step.input, deadline)
        except KubectlError as error:
            return StepError(expected, found=(error.brief, *error.details))
        return None if pattern.search(said) else StepError(expected, found=tuple(said.splitlines()[-_LAST_LINES:]))

    theatre.until(deadline, look)


def _run(step: RunStep, theatre: Theatre, deadline: Deadline) -> None:
    pattern = re.compile(step.until or "", re.MULTILINE)

    def look() -> StepError | None:
        expected = f"'{step.command.strip()}' succeeds"
        expected += f" and says {step.until} within {deadline.within_s} s" if step.until else ""
        answer = theatre.client.run(step.machine, step.command, deadline.left_s)
        if answer.status == 0 and pattern.search(answer.output):
            return None
        found = (f"status {answer.status}", *answer.output.splitlines()[-_LAST_LINES:])
        return StepError(expected, machine=step.machine, found=found)

    if step.until is not None:
        theatre.until(deadline, look)
    elif wrong := look():
        raise wrong


def _console(step: ConsoleStep, theatre: Theatre, deadline: Deadline) -> None:
    if step.type:
        theatre.client.ask("type", machine=step.machine, text=step.type)
    if step.says is None:
        return
    try:
        theatre.client.expect(step.machine, step.says, deadline.left_s)
    except VerificationError as error:
        expected = f"its console says {step.says} within {deadline.within_s} s"
        raise StepError(expected, machine=step.machine, found=(error.brief,)) from error


def _expect(step: ExpectStep, theatre: Theatre, deadline: Deadline) -> None:
    theatre.until(deadline, lambda: wrong_expectation(step, theatre, deadline))


def _wait(seconds: int, theatre: Theatre, _: Deadline) -> None:
    end_s = time.monotonic() + seconds
    on = {machine.name for machine in theatre.client.status().machines if machine.is_on}
    while time.monotonic() < end_s:
        theatre.runner.cancel.check()
        for machine in theatre.client.status().machines:
            if machine.trouble or (machine.name in on and not machine.is_on):
                found = machine.trouble or machine.failure or "it is off"
                raise StepError(f"all machines go on for {seconds} s", machine=machine.name, found=(found,))
        time.sleep(min(LOOK_S, max(end_s - time.monotonic(), 0)))


def _expected(step: ExpectStep) -> str:
    states = [f"{name} {state}" for name, state in (*step.nodes.items(), *step.pods.items())]
    files = [f"{'no ' if file.absent else ''}{file.path} in {file.machine}" for file in step.files]
    memory = [f"{name} with at most {size}" for name, size in step.memory.items()]
    return f"expect {', '.join([*states, *files, *memory])}"


_ACTIONS: Mapping[str, Callable[[Any, Theatre, Deadline], None]] = {
    "boot": _boot,
    "power_cut": _power_cut,
    "cut": _cut,
    "heal": _heal,
    "clock": _clock,
    "provision": _provision,
    "kubectl": _kubectl,
    "run": _run,
    "console": _console,
    "expect": _expect,
    "wait_s": _wait,
}
_WORDS: Mapping[str, Callable[[Any], str]] = {
    "boot": lambda step: f"boot {', '.join(step.machines)} until {step.until.value}",
    "power_cut": lambda step: f"cut the power of {step.machine}{', which stays off' if step.stay_off else ''}",
    "cut": lambda step: f"cut {step.machine} off{f' from {step.network}' if step.network else ''}",
    "heal": lambda step: f"heal the network of {step.machine}",
    "clock": lambda step: (
        f"the clock of {step.machine} is {f'at {step.day}' if step.day else f'wrong by {step.shift_s} s'}"
    ),
    "provision": lambda step: (
        f"give {step.machine} {f'a copy of the card of {step.card_of}' if step.card_of else 'a new card'}"
    ),
    "kubectl": lambda step: f"kubectl {' '.join(step.arguments)}",
    "run": lambda step: f"run '{' '.join(step.command.split())}' in {step.machine}",
    "console": lambda step: f"the console of {step.machine}{f' says {step.says}' if step.says else ''}",
    "expect": _expected,
    "wait_s": lambda seconds: f"wait {seconds} s",
}
