"""A slot that does not start, and what the device does then."""

from pathlib import Path

import pytest

from builder.image.environment import COPIES, FRESH, environment_block
from tests.qemu.lab import BOOT_S, Device, Lab, facts, partitions

MIB = 1 << 20
SLOT_A, SLOT_B = 1, 2


def fill_second_slot(lab: Lab, device: Device) -> None:
    """As an update leaves it: the slot has a system, and may be started."""
    parts = partitions(device.disk)
    with device.disk.open("r+b") as disk:
        for done in range(0, parts[SLOT_A].size, MIB):
            disk.seek(parts[SLOT_A].start + done)
            piece = disk.read(MIB)
            disk.seek(parts[SLOT_B].start + done)
            disk.write(piece)
    block = device.directory / "grubenv"
    block.write_bytes(environment_block({**FRESH, "B_OK": "1"}))
    for name in COPIES:
        target = f"{device.disk}@@{parts[0].start}"
        lab.runner.run(lab.filesystem.command("mcopy", "-o", "-i", target, block, f"::grub/{name}"))


def break_slot(disk: Path, number: int) -> None:
    """No file system is left to be found."""
    with disk.open("r+b") as stream:
        stream.seek(partitions(disk)[number].start)
        stream.write(bytes(MIB))


@pytest.mark.slow
def test_the_other_slot_starts_where_one_is_broken(lab: Lab) -> None:
    device = lab.device("device", "generic-armv7", "virt-armv7")
    fill_second_slot(lab, device)
    break_slot(device.disk, SLOT_A)
    with lab.start(device) as machine:
        machine.expect(r"Slot A cannot be started\.", BOOT_S)
        machine.expect(r"Starting slot B\.", BOOT_S)
        assert facts(machine)["state"] == "running"


@pytest.mark.slow
def test_no_slot_that_starts_is_said_and_not_tried_for_ever(lab: Lab) -> None:
    device = lab.device("device", "generic-armv7", "virt-armv7")
    fill_second_slot(lab, device)
    for number in (SLOT_A, SLOT_B):
        break_slot(device.disk, number)
    with lab.start(device) as machine:
        said = machine.expect(r"(?s).*Enter restarts at once\.", BOOT_S)[0]
        assert said.count("cannot be started.") == 2 * 3
        assert "No slot of this disk starts: each had three tries." in said
        machine.console.send_line("")
        machine.expect(r"Slot A cannot be started\.", BOOT_S)
