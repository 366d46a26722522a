"""Boots images as devices would, and looks at what is left on their disks."""

import re
import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.app.session import Session
from builder.app.workspace import Workspace
from builder.core.arch import Arch, host_arch
from builder.core.output import Output
from builder.core.resources import MIB
from builder.formats.diskimage import identify_image
from builder.io.sparse import copy_sparsely
from builder.io.spawn import Runner
from builder.plan.compose import compose
from builder.plan.tools import tools_step
from builder.toolchain.tree import ToolsTree
from builder.vm.card import place_card_files
from builder.vm.images import unpack
from builder.vm.machine import Bench, Machine
from builder.vm.machines import read_machine
from builder.vm.model import Adapter
from builder.vm.segment import Segment
from builder.vm.setup import Accelerator, Disk, DiskFormat, Network, Setup, SharedNetwork, UserNetwork

RECIPE = Path(__file__).with_name("recipe.yaml")
BUNDLE_RECIPE = Path(__file__).parents[1] / "integration" / "worker" / "recipe.yaml"
MACHINES = Path(__file__).parents[2] / "recipes" / "machines"
GIB = 1 << 30
# Emulated, and on a machine that has other things to do.
BOOT_S = 1800.0
OFF_S = 600.0
_FACT = re.compile(r"KEDGE-TEST ([a-z-]+(?:\.\S+)?)=(.*)")
_ALL_FACTS = r"(?s)KEDGE-TEST state=.*KEDGE-TEST complete=yes"
_SECTOR_BYTES = 512
# An MBR's partitions (UEFI 2.10, section 5.2.1): the first sector and their number stand at the end of 16 bytes.
_TABLE = struct.Struct("<" + "8xII" * 4)
_TABLE_OFFSET = 446


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A partition; bytes."""

    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A disk with an image on it, a machine of the kind `machine_name` that takes it, and the machine's own directory.

    `media` are further disks; `is_networked` says whether there is a network device where the kind may have one.
    """

    name: str
    machine_name: str
    directory: Path
    disk: Path
    media: Sequence[Path] = ()
    is_networked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Everything that is needed; `place` is a directory for all of a test."""

    session: Session
    workspace: Workspace
    qemu: ToolsTree
    filesystem: ToolsTree
    runner: Runner
    place: Path

    def image(self, board: str) -> Path:
        """The compressed image for `board`, made when the store has none."""
        arch = self.workspace.inputs.recipe.boards[board].architecture
        (target,) = compose(self.workspace.inputs, [arch], [Output.IMAGE], [board])
        return next(self.session.obtain(target.step).glob("*.img.zst"))

    def device(self, name: str, board: str, machine_name: str, *, size_bytes: int = 4 * GIB) -> Device:
        """A new disk of `size_bytes` with the image for `board`."""
        directory = self.place / name
        directory.mkdir()
        image = self.image(board)
        disk = unpack(image, identify_image(image), directory / "disk.img")
        with disk.open("r+b") as stream:
            stream.truncate(size_bytes)
        return Device(name=name, machine_name=machine_name, directory=directory, disk=disk)

    def executable(self, arch: Arch) -> Path:
        """kedge for `arch`, as it lies in the slots of images."""
        (target,) = compose(self.workspace.inputs, [arch], [Output.EXECUTABLE])
        return self.session.obtain(target.step) / "kedge"

    def bundles(self, board: str) -> list[Path]:
        """The bundles of the images that workers' tests run, for the architecture of `board`."""
        arch = self.workspace.inputs.recipe.boards[board].architecture
        (target,) = compose(self.session.project.open(str(BUNDLE_RECIPE)).inputs, [arch], [Output.BUNDLE])
        return sorted(self.session.obtain(target.step).glob("*.tar"))

    def data_disk(self, content: Path, disk: Path, *, label: str) -> Path:
        """The new `disk` with an ext4 file system of that label, which holds what lies in the directory `content`."""
        size_mib = 64 + sum(path.stat().st_size for path in content.iterdir()) * 5 // 4 // MIB
        options = ("-q", "-t", "ext4", "-L", label, "-d", content, disk, f"{size_mib}M")
        self.runner.run(self.filesystem.command("mke2fs", *options))
        return disk

    def start(
        self,
        device: Device,
        *,
        write_log: Path | None = None,
        memory_mib: int = 0,
        own_time: bool = True,
        segment: Segment | None = None,
    ) -> Machine:
        """Turn `device` on, with `memory_mib` or what its kind has; `write_log` records what its disk is told.

        `own_time`: where the kind can have that, its clock counts instructions, and falls behind that of other machines.
        `segment`: it has a network with others there, and none beside that.
        """
        machine = read_machine(MACHINES, device.machine_name)
        networks: list[Network] = [UserNetwork()] if device.is_networked and machine.network is not Adapter.NONE else []
        if segment:
            segment.attach(device.directory)
            networks = [SharedNetwork()]
        bench = Bench(directory=device.directory, tools=self.qemu, runner=self._runner(device))
        if machine.card and not (device.directory / "kernel").exists():
            place_card_files(machine.card, device.disk, device.directory, mtools=self.filesystem, runner=bench.runner)
        setup = Setup(
            name=device.name,
            type=machine,
            disk=Disk(path=device.disk, format=DiskFormat.RAW, write_log=write_log),
            memory_mib=memory_mib or machine.memory_mib,
            accelerator=Accelerator.TCG,
            networks=networks,
            own_time=own_time and not machine.fixed_size,
            media=[Disk(path=path, format=DiskFormat.RAW, disposable=True) for path in device.media],
        )
        return Machine(setup, bench)

    def copy(self, device: Device, name: str) -> Device:
        """`device` once more, as its disk stands now."""
        directory = self.place / name
        directory.mkdir()
        copy_sparsely(device.disk, directory / "disk.img")
        return replace(device, name=name, directory=directory, disk=directory / "disk.img")

    def partition(self, disk: Path, number: int, target: Path) -> Path:
        """The partition `number` (from 1) of `disk` as the new file `target`."""
        extent = partitions(disk)[number - 1]
        copy_sparsely(disk, target, start=extent.start, size=extent.size)
        return target

    def check_data(self, device: Device) -> None:
        """Raise where the data partition is not as clean as a shutdown leaves it."""
        data = self.partition(device.disk, 4, device.directory / "data.ext4")
        self.runner.run(self.filesystem.command("e2fsck", "-f", "-n", data))
        data.unlink()

    def remove(self, device: Device) -> None:
        """Make room."""
        shutil.rmtree(device.directory)

    def _runner(self, device: Device) -> Runner:
        return replace(self.runner, log=device.directory / "qemu.log")


def open_lab(session: Session, runner: Runner, place: Path) -> Lab:
    """A lab for images of the recipe beside this file, with tools of `session`'s cache."""
    workspace = session.project.open(str(RECIPE))

    def tree(name: str) -> ToolsTree:
        step = tools_step(workspace.lock, host_arch(), name, workspace.loaded.recipe.debian)
        return ToolsTree(root=session.obtain(step), arch=host_arch())

    return Lab(
        session=session,
        workspace=workspace,
        qemu=tree("qemu"),
        filesystem=tree("filesystem"),
        runner=runner,
        place=place,
    )


def facts(machine: Machine) -> Mapping[str, str]:
    """What a device that has started says of itself (overlay/usr/lib/test/tell-facts)."""
    return told(machine.expect(_ALL_FACTS, BOOT_S)[0])


def told(said: str) -> Mapping[str, str]:
    """The facts in what a device said."""
    return {name: value.strip() for name, value in _FACT.findall(said)}


def turn_off(machine: Machine) -> None:
    """Have the system turn itself off; boards without a way to do that are ended when it is done."""
    machine.console.send_line("")
    machine.expect(r"# $", BOOT_S)
    machine.console.send_line("poweroff")
    machine.expect("reboot: Power down", OFF_S)
    if not machine.wait(5):
        machine.cut_power()


def partitions(disk: Path) -> list[Extent]:
    """The four of the partition table."""
    with disk.open("rb") as stream:
        stream.seek(_TABLE_OFFSET)
        numbers = _TABLE.unpack(stream.read(_TABLE.size))
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [Extent(start=first * _SECTOR_BYTES, size=count * _SECTOR_BYTES) for first, count in pairs]
