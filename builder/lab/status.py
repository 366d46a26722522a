"""What a supervisor tells of its lab, as JSON between it and whoever asks."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Strict

from builder.fleet.role import Role
from builder.lab.stages import Stage
from builder.recipe.section import Section

NamedStage = Annotated[Stage, Strict(strict=False)]


class BootStatus(Section):
    """A machine since it was turned on; all times are seconds since the lab began. `ended_s` is None while it runs."""

    machine: str
    number: int
    began_s: float
    ended_s: float | None
    stages: Mapping[NamedStage, float]
    trouble: str


class Happening(Section):
    """Something that was done to the lab at `at_s`, or that happened in it; `machine` is empty where all are meant."""

    at_s: float
    machine: str
    what: str


class MachineStatus(Section):
    """A machine now. `stage` is None before anything was heard.

    `node` is what the API says of it since it was turned on: Ready, NotReady or nothing.
    """

    name: str
    role: Annotated[Role, Strict(strict=False)] | None
    kind: str
    arch: str
    is_on: bool
    pid: int
    stage: NamedStage | None
    since_s: float
    trouble: str
    cut: tuple[str, ...]
    node: str
    ssh_port: int
    failure: str


class LabStatus(Section):
    """A lab at `now_s`. `is_ready`: all machines run, and all that are nodes are Ready."""

    name: str
    title: str
    now_s: float
    is_ready: bool
    machines: tuple[MachineStatus, ...]
    boots: tuple[BootStatus, ...]
    happenings: tuple[Happening, ...]
