"""A scenario as a file describes it: a lab, what is done to it step by step, and what must come of that."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, Strict
from pydantic_core import PydanticCustomError

from builder.core.generated import COMMAND
from builder.core.nearest import suggestion
from builder.lab.document import Mistake
from builder.lab.judge import judge_lab
from builder.lab.model import Lab, LabMachine, LabNetwork
from builder.lab.stages import Stage
from builder.recipe.section import LocatedPath, Section, Unique
from builder.recipe.shapes import DevicePath, DnsLabel, LineText, SizeText


def _compiles(text: str) -> str:
    try:
        re.compile(text, re.MULTILINE)
    except re.error as error:
        raise PydanticCustomError("pattern", "is no regular expression: {why}", {"why": str(error)}) from None
    return text


def _is_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("day", "must be a day such as 1970-01-01") from None
    return text


Pattern = Annotated[LineText, AfterValidator(_compiles)]
Day = Annotated[LineText, AfterValidator(_is_day)]


class NodeExpectation(StrEnum):
    """What the API must say of a node."""

    READY = "Ready"
    NOT_READY = "NotReady"
    ABSENT = "absent"


class BootStep(Section):
    """Turns machines on that are off, and waits until each has come so far."""

    machines: Annotated[tuple[DnsLabel, ...], *Unique] = Field(min_length=1, description="The machines.")
    until: Annotated[Stage, Strict(strict=False)] = Field(
        default=Stage.READY, description="How far: a machine without a role comes to `userspace` at most."
    )


class PowerCutStep(Section):
    """Takes a machine's power away without a word."""

    machine: DnsLabel = Field(description="The machine.")
    stay_off: bool = Field(default=False, description="Whether the power stays away.")


class NetworkStep(Section):
    """What is done to a machine's networks."""

    machine: DnsLabel = Field(description="The machine.")
    network: DnsLabel | None = Field(default=None, description="This network alone; by default all.")


class ClockStep(Section):
    """Lets a machine's hardware clock be wrong from its next start on: by so much, or as if it were another day now."""

    machine: DnsLabel = Field(description="The machine.")
    shift_s: int | None = Field(
        default=None, ge=-(10**10), le=10**10, description="How far it is from the time, in seconds."
    )
    day: Day | None = Field(
        default=None, description="What it says now, in the place of `shift_s`, such as 1970-01-01."
    )


class ProvisionStep(Section):
    """Gives a machine that is off another card, and it knows nothing of what it was."""

    machine: DnsLabel = Field(description="The machine.")
    card_of: DnsLabel | None = Field(
        default=None, description="The machine of whose card it gets a copy; by default it gets a new card of its own."
    )


class KubectlStep(Section):
    """Runs kubectl as the administrator. Without `until` it runs once and must succeed."""

    arguments: tuple[LineText, ...] = Field(min_length=1, description="Its arguments.")
    input: str = Field(default="", description="What it reads, such as manifests for `apply -f -`.")
    until: Pattern | None = Field(
        default=None, description="A regular expression: it is run again until it succeeds and its output has that."
    )


class RunStep(Section):
    """Runs a command as root in a node's system, which needs no network. Without `until` it runs once and must succeed."""

    machine: DnsLabel = Field(description="The machine.")
    command: str = Field(min_length=1, description="Words of a shell.")
    until: Pattern | None = Field(
        default=None, description="A regular expression: it is run again until it succeeds and its output has that."
    )


class ConsoleStep(Section):
    """Types at a machine's console, and waits until it says something, from what it said last on."""

    machine: DnsLabel = Field(description="The machine.")
    type: str = Field(default="", description="What is typed, as it is; a line ends with \\r.")
    says: Pattern | None = Field(default=None, description="A regular expression that it must say.")


class FileExpectation(Section):
    """A file of a node's system."""

    machine: DnsLabel = Field(description="The machine.")
    path: DevicePath = Field(description="Its path.")
    contains: Pattern | None = Field(default=None, description="A regular expression that a line of it must have.")
    absent: bool = Field(default=False, description="Whether it must not be there.")


class ExpectStep(Section):
    """What must be so, all at once, within the step's time."""

    nodes: Mapping[DnsLabel, Annotated[NodeExpectation, Strict(strict=False)]] = Field(
        default={}, description="What the API says of nodes: `Ready`, `NotReady` or `absent`."
    )
    pods: Mapping[LineText, LineText] = Field(
        default={},
        description="What the API says of pods: `NAMESPACE/NAME`, which may end with `*`, and their phase, such as `Running`.",
    )
    files: tuple[FileExpectation, ...] = Field(default=(), description="Files of nodes.")
    memory: Mapping[DnsLabel, SizeText] = Field(
        default={}, description="How much memory a node's system uses at most, beside what it can give back."
    )


class Step(Section):
    """A step does one thing. The keys beside `name` and `within_s` say what."""

    name: LineText = Field(default="", description="What it is, for people.")
    within_s: int = Field(default=600, ge=1, le=86_400, description="When it must be done, in seconds.")
    boot: BootStep | None = Field(default=None, description="Turns machines on and waits for a stage.")
    power_cut: PowerCutStep | None = Field(default=None, description="Takes a machine's power away.")
    cut: NetworkStep | None = Field(default=None, description="Loses all that a machine sends and gets.")
    heal: NetworkStep | None = Field(default=None, description="Ends what `cut` began.")
    clock: ClockStep | None = Field(default=None, description="Shifts a machine's hardware clock.")
    provision: ProvisionStep | None = Field(
        default=None, description="Gives a machine that is off a new card, or a copy of another machine's."
    )
    kubectl: KubectlStep | None = Field(default=None, description="Asks the cluster, or tells it something.")
    run: RunStep | None = Field(default=None, description="Runs a command in a node's system.")
    console: ConsoleStep | None = Field(default=None, description="Types, and waits for a machine to say something.")
    expect: ExpectStep | None = Field(default=None, description="Waits until everything named is so.")
    wait_s: int | None = Field(default=None, ge=1, le=86_400, description="Waits, and looks whether all goes on.")


# The keys of a step that say what it does.
ACTIONS = tuple(name for name in Step.model_fields if name not in ("name", "within_s"))


class Scenario(Section):
    """A lab of its own, and steps. All machines are off at the beginning."""

    title: LineText = Field(default="", description="What it shows, for people.")
    tags: Annotated[tuple[DnsLabel, ...], *Unique] = Field(
        default=(), description="Words to choose it by, such as quick."
    )
    lab: LocatedPath | None = Field(default=None, description="The file of a lab, in the place of `machines`.")
    recipe: LineText = Field(default="edge", description="As in a lab.")
    manifests: tuple[LocatedPath, ...] = Field(default=(), description="As in a lab.")
    networks: Mapping[DnsLabel, LabNetwork] = Field(default={}, description="As in a lab.")
    machines: Mapping[DnsLabel, LabMachine] = Field(default={}, description="As in a lab.")
    steps: tuple[Step, ...] = Field(min_length=1, description="What is done, one after the other.")


def own_lab(scenario: Scenario) -> Lab | None:
    """The lab that the scenario's own file describes."""
    if not scenario.machines:
        return None
    return Lab(
        title=scenario.title,
        recipe=scenario.recipe,
        manifests=scenario.manifests,
        networks=scenario.networks,
        machines=scenario.machines,
    )


def judge_scenario(scenario: Scenario) -> Iterator[Mistake]:
    """Everything that is wrong with `scenario` by itself; what depends on a lab of another file is `judge_machines`."""
    if bool(scenario.lab) == bool(scenario.machines):
        yield Mistake(path=("machines",), message="a scenario needs either machines or lab")
    for index, step in enumerate(scenario.steps):
        given = [key for key in ACTIONS if getattr(step, key) is not None]
        if len(given) != 1:
            known = f"one of {', '.join(ACTIONS)}"
            message = (
                f"does {' and '.join(given)} at once; make it {len(given)} steps"
                if given
                else f"does nothing: needs {known}"
            )
            yield Mistake(path=("steps", index, *given[1:2]), message=message)
        if step.clock and (step.clock.shift_s is None) == (step.clock.day is None):
            yield Mistake(path=("steps", index, "clock"), message="needs either shift_s or day")
    if lab := own_lab(scenario):
        yield from judge_lab(lab)
        yield from judge_machines(scenario, lab)


def judge_machines(scenario: Scenario, lab: Lab) -> Iterator[Mistake]:
    """Machines that `lab` has not, and what is asked of machines that are no nodes."""
    known = list(lab.machines)
    nodes = [name for name, machine in lab.machines.items() if machine.role]
    for index, step in enumerate(scenario.steps):
        for path, name, needs_role in _named(step):
            where = ("steps", index, *path)
            if name not in known:
                yield Mistake(path=where, message=f"unknown machine {name!r}{suggestion(name, 'machines', known)}")
            elif needs_role and name not in nodes:
                yield Mistake(path=where, message=f"{name} has no role: it becomes no node")
        if (given := step.provision) and given.card_of in nodes and given.machine in nodes:
            boards = {lab.machines[name].board for name in (given.machine, given.card_of)}
            if len(boards) > 1:
                message = f"{given.machine} starts no card of another board: {' and '.join(sorted(map(str, boards)))}"
                yield Mistake(path=("steps", index, "provision", "card_of"), message=message)
        if step.kubectl and not nodes:
            yield Mistake(path=("steps", index, "kubectl"), message="the lab has no cluster")


def _named(step: Step) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
    """Each machine that `step` names: where, which, and whether it must be a node."""
    if step.boot:
        needs_role = step.boot.until in (Stage.FIRST_BOOT, Stage.JOINED, Stage.READY)
        for index, name in enumerate(step.boot.machines):
            yield ("boot", "machines", index), name, needs_role
    for key in ("power_cut", "cut", "heal", "clock", "provision", "run", "console"):
        if action := getattr(step, key):
            yield (key, "machine"), action.machine, key in ("run", "provision")
    if step.provision and step.provision.card_of:
        yield ("provision", "card_of"), step.provision.card_of, True
    if step.expect:
        yield from ((("expect", "nodes", name), name, True) for name in step.expect.nodes)
        yield from ((("expect", "memory", name), name, True) for name in step.expect.memory)
        for index, file in enumerate(step.expect.files):
            yield ("expect", "files", index, "machine"), file.machine, True


def json_schema() -> str:
    """The JSON Schema of a file that describes a scenario, as it is exported."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Generated: {COMMAND}"}
    return json.dumps(schema | Scenario.model_json_schema(), indent=2) + "\n"
