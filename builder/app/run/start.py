"""Starts a machine with an image, and everything that it needs around it."""

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.app.run.find import Chosen, choose
from builder.app.session import Session
from builder.app.workspace import Workspace
from builder.core.arch import host_arch
from builder.core.errors import BuilderError, RecipeError
from builder.formats.diskimage import ImageFormat
from builder.io.sockets import port_error
from builder.plan.tools import tools_step
from builder.toolchain.tree import ToolsTree
from builder.vm.card import place_card_files
from builder.vm.images import UNPACKED, DiskWanted, prepare_disk
from builder.vm.kvm import probe_kvm
from builder.vm.machine import Bench, Machine
from builder.vm.model import Adapter, MachineType
from builder.vm.setup import Accelerator, Forward, Network, Setup, UserNetwork

_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWanted:
    """What somebody wants to run, and how; `memory_mib` and `disk_bytes` are 0 for what machine and image have.

    `keep`: what the machine writes stays in the image. `emulate`: no use of KVM. `own_time`: see `Setup`.
    """

    image: Path
    machine: str | None = None
    forwards: Sequence[Forward] = field(default=())
    network: bool = True
    keep: bool = False
    disk_bytes: int = 0
    memory_mib: int = 0
    emulate: bool = False
    own_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A machine that runs, and how it came about."""

    machine: Machine
    chosen: Chosen
    accelerator: Accelerator


@contextmanager
def run_image(
    session: Session, workspace: Workspace, wanted: RunWanted, listen: Callable[[bytes], None]
) -> Iterator[Running]:
    """A machine with the image that is `wanted`, running while the block does; `listen` gets what its console says.

    Everything that can be told to be wrong is, before anything is fetched or started.
    """
    chosen = choose(wanted.image, wanted.machine, session.project.root / "recipes" / "machines")
    memory_mib = _memory(wanted, chosen)
    networks = _networks(wanted, chosen)
    if wanted.own_time and chosen.machine.fixed_size:
        raise RecipeError(
            f"--own-time takes a machine of one core, and {chosen.machine_name} has {chosen.machine.cores}"
        )
    accelerator = choose_accelerator(chosen.machine, emulate=wanted.emulate or wanted.own_time)
    tools = tools_tree(session, workspace, "qemu")
    mtools = tools_tree(session, workspace, "filesystem") if chosen.machine.card else None
    with session.bench("qemu") as (runner, scratch):
        disk_wanted = DiskWanted(
            image=chosen.image, bus=chosen.machine.disk, keep=wanted.keep, size_bytes=wanted.disk_bytes
        )
        bench = Bench(directory=scratch, tools=tools, runner=runner)
        disk = prepare_disk(disk_wanted, bench)
        if chosen.machine.card and mtools:
            _require_raw(chosen)
            source = scratch / UNPACKED if chosen.kind.is_compressed else chosen.image
            place_card_files(chosen.machine.card, source, scratch, mtools=mtools, runner=runner)
        setup = Setup(
            name=chosen.machine_name,
            type=chosen.machine,
            disk=disk,
            memory_mib=memory_mib,
            accelerator=accelerator,
            networks=networks,
            own_time=wanted.own_time,
        )
        with Machine(setup, bench, listen=listen) as machine:
            yield Running(machine=machine, chosen=chosen, accelerator=accelerator)


def _require_raw(chosen: Chosen) -> None:
    if chosen.kind is ImageFormat.QCOW2:
        raise RecipeError(
            f"{chosen.image} is qcow2: what stands for the firmware of {chosen.machine_name} is taken out of raw images only",
            hint="take the .img.zst, or: qemu-img convert -O raw",
        )


def choose_accelerator(machine: MachineType, *, emulate: bool) -> Accelerator:
    """KVM where `machine` can use it, this machine has it, and a guest really runs."""
    if emulate or not machine.kvm or machine.arch is not host_arch():
        return Accelerator.TCG
    return Accelerator.KVM if probe_kvm(platform.machine()).usable else Accelerator.TCG


def parse_forward(text: str) -> Forward:
    """`2222:22`: the port of this machine, the port of the guest."""
    host, colon, guest = text.partition(":")
    if not (colon and host.isdecimal() and guest.isdecimal() and int(host) in _PORTS and int(guest) in _PORTS):
        raise RecipeError(f"--port {text}: must be two port numbers, as in 2222:22", hint="this machine's comes first")
    return Forward(host_port=int(host), guest_port=int(guest))


def _memory(wanted: RunWanted, chosen: Chosen) -> int:
    machine = chosen.machine
    if machine.fixed_size and wanted.memory_mib not in (0, machine.memory_mib):
        raise RecipeError(
            f"the machine {chosen.machine_name} has {machine.memory_mib} MiB of memory, and no other size"
        )
    return wanted.memory_mib or machine.memory_mib


def _networks(wanted: RunWanted, chosen: Chosen) -> Sequence[Network]:
    if chosen.machine.network is Adapter.NONE or not wanted.network:
        if wanted.forwards:
            why = "--network none was asked for" if not wanted.network else f"{chosen.machine_name} has no network"
            raise RecipeError(f"no port can be forwarded: {why}")
        return ()
    problems = [
        f"port {forward.host_port}: {error.strerror}"
        for forward in wanted.forwards
        if (error := port_error(forward.host_port))
    ]
    if problems:
        raise BuilderError(
            "ports that are to be forwarded cannot be opened here", details=problems, hint="choose others with --port"
        )
    return (UserNetwork(forwards=wanted.forwards),)


def tools_tree(session: Session, workspace: Workspace, name: str) -> ToolsTree:
    """The tree of the tools `name`, made when the store has none."""
    step = tools_step(workspace.lock, host_arch(), name, workspace.loaded.recipe.debian)
    return ToolsTree(root=session.obtain(step), arch=host_arch())
