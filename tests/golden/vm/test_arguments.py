"""QEMU's command line for every machine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from builder.vm.arguments import arguments
from builder.vm.machines import machine_names, read_machine
from builder.vm.model import Adapter
from builder.vm.setup import Accelerator, Disk, DiskFormat, Forward, Network, Setup, SharedNetwork, UserNetwork

MACHINES = Path(__file__).parents[3] / "recipes" / "machines"
TOOLS = Path("/tools")
OVERLAY = Disk(path=Path("disk.qcow2"), format=DiskFormat.QCOW2, disposable=True)


def lines(setup: Setup) -> str:
    """One option per line."""
    return "".join(f"{word}\n" if not word.startswith("-") else f"{word} " for word in arguments(setup, TOOLS))


@pytest.mark.parametrize("name", machine_names(MACHINES))
def test_every_machine(name: str, golden: Callable[[str, str], None]) -> None:
    machine = read_machine(MACHINES, name)
    networks: list[Network] = [] if machine.network is Adapter.NONE else [UserNetwork()]
    setup = Setup(name=name, type=machine, disk=OVERLAY, memory_mib=machine.memory_mib, networks=networks)
    golden(f"{name}.txt", lines(setup))


def test_a_guest_with_its_own_time(golden: Callable[[str, str], None]) -> None:
    machine = read_machine(MACHINES, "virt-armv7")
    golden("own-time.txt", lines(Setup(name="own", type=machine, disk=OVERLAY, memory_mib=1024, own_time=True)))


def test_everything_that_can_be_asked_for(golden: Callable[[str, str], None]) -> None:
    disk = Disk(path=Path("/a,b/disk.img"), format=DiskFormat.RAW, write_log=Path("/a,b/writes.log"))
    setup = Setup(
        name="full",
        type=read_machine(MACHINES, "q35-uefi"),
        disk=disk,
        memory_mib=2048,
        accelerator=Accelerator.KVM,
        networks=[UserNetwork(forwards=[Forward(host_port=2222, guest_port=22)]), SharedNetwork()],
        screen=True,
        media=[Disk(path=Path("stick.img"), format=DiskFormat.RAW, disposable=True)],
    )
    golden("everything.txt", lines(setup))


def test_recorded_writes_of_a_card(golden: Callable[[str, str], None]) -> None:
    disk = Disk(path=Path("/a,b/disk.img"), format=DiskFormat.RAW, write_log=Path("writes.log"))
    machine = read_machine(MACHINES, "bpim2u")
    golden("card.txt", lines(Setup(name="card", type=machine, disk=disk, memory_mib=1024)))


def test_a_machine_of_a_lab(golden: Callable[[str, str], None]) -> None:
    setup = Setup(
        name="field-1",
        type=read_machine(MACHINES, "virt-arm64"),
        disk=OVERLAY,
        memory_mib=768,
        networks=[SharedNetwork(), UserNetwork(forwards=[Forward(host_port=2222, guest_port=22)], relayed=True)],
        cores=1,
        clock="2031-01-01T00:00:00",
        agent=True,
    )
    golden("lab.txt", lines(setup))
