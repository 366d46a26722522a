"""What a lab takes, found out before anything of it exists: images, kinds of machines, memory, cores, ports."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.app.images import find_image
from builder.app.project import Project
from builder.app.run.start import choose_accelerator
from builder.core.arch import Arch
from builder.core.errors import BuilderError, RecipeError
from builder.core.nearest import suggestion
from builder.core.resources import MIB, Resources, format_size, parse_size
from builder.formats.diskimage import ImageFormat, identify_image
from builder.io.sockets import port_error
from builder.lab.document import Mistake, Written, read_written
from builder.lab.judge import judge_lab
from builder.lab.model import Lab, LabMachine
from builder.lab.plan import PORTS_OF_A_LAB, PlannedMachine, attachments, first_port
from builder.recipe.board import Board, Stage
from builder.vm.machines import read_machine
from builder.vm.model import Adapter, MachineType

# What QEMU takes besides its guest's memory: translated code, and its own.
_OWN_MIB = 192


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """A machine that can be started, and the image that it is started with."""

    planned: PlannedMachine
    image: Path
    disk_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A lab all of whose machines can be started."""

    written: Written[Lab]
    name: str
    first_port: int
    machines: Mapping[str, Surveyed]

    @property
    def needs(self) -> Resources:
        """Cores and memory of all its machines."""
        types = [one.planned for one in self.machines.values()]
        return Resources(
            cores=sum(one.cores or one.type.cores for one in types), memory_bytes=sum(map(_memory_bytes, types))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What labs are made of here: what the recipe of a lab builds, where that was written to, and what this machine has.

    `emulate`: no use of KVM.
    """

    project: Project
    boards: Mapping[str, Board]
    recipe: str
    out: Path
    resources: Resources
    emulate: bool

    def machine(self, name: str) -> MachineType:
        """A kind of machine."""
        return read_machine(self.project.root / "recipes" / "machines", name)


def read_lab(path: Path) -> Written[Lab]:
    """The lab that the file at `path` describes; `RecipeError` with every mistake in it."""
    return read_written(path, Lab, judge_lab, Path.cwd())


def survey(written: Written[Lab], name: str, means: Means) -> Survey:
    """Everything about the lab that can be told before it is made; `RecipeError` with all that is wrong."""
    lab = written.value
    first = first_port(lab, name)
    found: dict[str, Surveyed] = {}
    mistakes = [
        Mistake(path=("manifests", index), message=f"there is no file {_shown(manifest)}")
        for index, manifest in enumerate(lab.manifests)
        if not manifest.is_file()
    ]
    hints: set[str] = set()
    for one in lab.machines:
        looked = _look(lab, one, first, means)
        if isinstance(looked, Surveyed):
            found[one] = looked
        else:
            mistakes += looked.mistakes
            hints |= looked.hints
    mistakes += _too_much(found, means.resources)
    mistakes += _taken_ports(found, first)
    if mistakes:
        raise RecipeError(
            f"the lab {name} cannot be started", details=written.located(mistakes), hint="\n".join(sorted(hints))
        )
    return Survey(written=written, name=name, first_port=first, machines=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    mistakes: list[Mistake]
    hints: set[str]


def _look(lab: Lab, name: str, first: int, means: Means) -> Surveyed | _Refused:
    machine, path = lab.machines[name], ("machines", name)
    if machine.board and machine.board not in means.boards:
        message = f"unknown board {machine.board!r}{suggestion(machine.board, 'known', sorted(means.boards))}"
        return _Refused(mistakes=[Mistake(path=(*path, "board"), message=message)], hints=set())
    try:
        kind = means.machine(machine.machine or _machine_of(machine.board or "", means))
    except RecipeError as error:
        return _Refused(mistakes=[Mistake(path=(*path, "machine"), message=error.brief)], hints={error.hint} - {""})
    mistakes = list(_sizes(machine, kind, name, means.resources))
    key = "image" if machine.image else "board"
    hints: set[str] = set()
    image = Path()
    try:
        image = _image(machine, kind.arch, means)
    except BuilderError as error:
        mistakes.append(Mistake(path=(*path, key), message=error.brief))
        hints = {error.hint} - {""}
    if mistakes:
        return _Refused(mistakes=mistakes, hints=hints)
    networks = attachments(lab, name, first)
    has_ssh = [one.host_port for network in networks for one in network.forwards][-1:] if machine.role else []
    planned = PlannedMachine(
        name=name,
        type=kind,
        accelerator=choose_accelerator(kind, emulate=means.emulate),
        memory_mib=parse_size(machine.memory) // MIB if machine.memory else kind.memory_mib,
        cores=machine.cores,
        role=machine.role,
        networks=tuple(networks),
        ssh_port=has_ssh[0] if has_ssh else 0,
        has_agent=bool(machine.role) and not kind.fixed_size,
    )
    return Surveyed(planned=planned, image=image, disk_bytes=parse_size(machine.disk))


def _machine_of(board: str, means: Means) -> str:
    """The kind of machine that comes furthest with the image of `board`."""
    stages = means.boards[board].machines
    if not stages:
        raise RecipeError(f"no machine emulates the board {board}", hint="name one with the key machine")
    order = list(Stage)
    return max(stages, key=lambda name: order.index(stages[name]))


def _image(machine: LabMachine, arch: Arch, means: Means) -> Path:
    if machine.image:
        return find_image(machine.image)
    board = machine.board or ""
    if means.boards[board].architecture is not arch:
        raise RecipeError(f"{board} is {means.boards[board].architecture}, and its machine is {arch}")
    place = means.out / means.recipe / arch / "image" / board
    if not place.is_dir():
        asked = "" if means.recipe == "edge" else f" {means.recipe}"
        raise RecipeError(
            f"its image was not built: there is no {_shown(place)}",
            hint=f"builder make{asked} --arch {arch}",
        )
    image = find_image(place)
    if identify_image(image) is ImageFormat.QCOW2 and machine.role:
        raise RecipeError(f"{_shown(image)} is qcow2, which cannot be provisioned", hint="take the .img.zst")
    return image


def _sizes(machine: LabMachine, kind: MachineType, name: str, has: Resources) -> Iterator[Mistake]:
    path = ("machines", name)
    memory_mib = parse_size(machine.memory) // MIB if machine.memory else kind.memory_mib
    if kind.fixed_size and memory_mib != kind.memory_mib:
        yield Mistake(path=(*path, "memory"), message=f"{kind.title} has {kind.memory_mib} MiB, and no other size")
    if kind.fixed_size and machine.cores not in (0, kind.cores):
        yield Mistake(path=(*path, "cores"), message=f"{kind.title} has {kind.cores}, and no other number")
    if machine.cores > has.cores:
        message = (
            f"{machine.cores} are more than the {has.cores} of this computer: a guest waits in vain for the others"
        )
        yield Mistake(path=(*path, "cores"), message=message)
    if kind.network is Adapter.NONE and machine.networks:
        yield Mistake(path=(*path, "networks"), message=f"{kind.title} has no network")


def _too_much(found: Mapping[str, Surveyed], has: Resources) -> Iterator[Mistake]:
    wanted = {name: _memory_bytes(one.planned) for name, one in found.items()}
    if sum(wanted.values()) > has.memory_bytes:
        each = ", ".join(f"{name} {format_size(size)}" for name, size in wanted.items())
        together, free = format_size(sum(wanted.values())), format_size(has.memory_bytes)
        message = f"take {together} of memory together, and {free} are free here ({each})"
        yield Mistake(path=("machines",), message=message)


def _memory_bytes(machine: PlannedMachine) -> int:
    return (machine.memory_mib + _OWN_MIB) * MIB


def _taken_ports(found: Mapping[str, Surveyed], first: int) -> Iterator[Mistake]:
    ports = sorted(
        one.host_port for machine in found.values() for network in machine.planned.networks for one in network.forwards
    )
    taken = [f"{port} ({error.strerror})" for port in ports if (error := port_error(port))]
    if taken:
        message = (
            f"of 127.0.0.1, from {first} to {first + PORTS_OF_A_LAB - 1}, these cannot be opened: {', '.join(taken)}"
        )
        yield Mistake(path=("ports",), message=f"{message}; write another first port here")


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
