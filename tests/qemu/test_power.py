"""Power cuts as a disk sees them: what the guest wrote up to some moment is there, and nothing that came after.

QEMU records what the disk is told while a device boots for the first and for the second time. The disk is then made as it stood
after each request, the flushes among them, and every such disk has to be one that a device can go on with. (A first boot was seen
to make 271 requests, 49 of them flushes.)
"""

import pytest

from builder.vm.writelog import WriteLog, read_write_log
from tests.qemu.lab import Device, Extent, Lab, facts, partitions, turn_off
from tests.qemu.power import Recording, check, cuts

FEWEST = 200
BOOTED = 6


def record(lab: Lab, device: Device, name: str) -> Recording:
    """Boot `device` until it runs, turn it off, and keep the disk as it was before."""
    before = lab.copy(device, f"before-{name}")
    path = device.directory / f"{name}.writes"
    path.touch()
    with lab.start(device, write_log=path) as machine:
        assert facts(machine)["state"] == "running"
        turn_off(machine)
    return Recording(before=before, log=read_write_log(path))


def written_in(log: WriteLog, part: Extent) -> int:
    """How many requests reached into `part`."""
    end = part.start + part.size
    return sum(one.offset_bytes < end and one.offset_bytes + one.size_bytes > part.start for one in log.entries)


@pytest.mark.slow
def test_power_cuts_after_every_request_of_two_boots(lab: Lab) -> None:
    device = lab.device("device", "generic-armv7", "virt-armv7")
    slots = partitions(device.disk)[1:3]
    recordings = [record(lab, device, name) for name in ("first", "second")]
    points = [len(recording.log.entries) for recording in recordings]
    assert sum(points) >= FEWEST, points
    assert all(recording.log.flush_points for recording in recordings)
    assert [written_in(recording.log, slot) for recording in recordings for slot in slots] == [0] * 4
    step = sum(points) // BOOTED
    for number, (recording, end) in enumerate((one, end) for one in recordings for end in cuts(one)):
        check(lab, recording.before)
        if number % step == step // 2:
            boot_again(lab, lab.copy(recording.before, f"cut-{number}-{end}"))


def boot_again(lab: Lab, device: Device) -> None:
    with lab.start(device) as machine:
        assert facts(machine)["state"] == "running", device.name
        turn_off(machine)
    lab.check_data(device)
    lab.remove(device)
