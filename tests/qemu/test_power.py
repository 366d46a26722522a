"""Power cuts as a disk sees them: what the guest wrote up to some moment is there, and nothing that came after.

QEMU records what the disk is told while a device boots for the first and for the second time. The disk is then made as it stood
after each request, the flushes among them, and every such disk has to be one that a device can go on with. (A first boot was seen
to make 271 requests, 49 of them flushes.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.io.command import CommandError
from builder.vm.writelog import WriteLog, read_write_log
from tests.qemu.lab import Device, Extent, Lab, facts, partitions, turn_off

FEWEST = 200
BOOTED = 6
# Status of e2fsck, by its manual page.
_ERRORS_LEFT = 4
_HARMLESS = re.compile(
    r"Pass \d|Fix\? no|Free (?:blocks|inodes) count wrong \(|\S+: \d+/\d+ files|\S+: \*+ WARNING: Filesystem still has errors"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A boot: the disk before it, and what was written during it."""

    before: Device
    log: WriteLog


def record(lab: Lab, device: Device, name: str) -> Recording:
    """Boot `device` until it runs, turn it off, and keep the disk as it was before."""
    before = lab.copy(device, f"before-{name}")
    path = device.directory / f"{name}.writes"
    path.touch()
    with lab.start(device, write_log=path) as machine:
        assert facts(machine)["state"] == "running"
        turn_off(machine)
    return Recording(before=before, log=read_write_log(path))


def cuts(recording: Recording) -> Iterator[int]:
    """Makes the disk of `before` as it stood after each request, in place, and says after which."""
    for end in range(1, len(recording.log.entries) + 1):
        recording.log.replay(recording.before.disk, end - 1, end)
        yield end


def check(lab: Lab, device: Device) -> None:
    """Whether a device can go on with this disk; raises where it cannot."""
    boot, data = device.directory / "boot.fat", device.directory / "data.ext4"
    lab.partition(device.disk, 1, boot)
    lab.partition(device.disk, 4, data)
    try:
        # 1: only the mark that it was not unmounted, which a power cut leaves.
        run_checker(lab, "fsck.fat", "-n", boot, allowed=(0, 1))
        # What mounting does: the journal is replayed. After that nothing may be wrong.
        run_checker(lab, "e2fsck", "-E", "journal_only", "-y", data, allowed=(0, 1))
        assert complaints(lab, data) == []
    finally:
        boot.unlink()
        data.unlink()


def run_checker(lab: Lab, name: str, *arguments: str | Path, allowed: tuple[int, ...]) -> None:
    try:
        lab.runner.run(lab.filesystem.command(name, *arguments))
    except CommandError as error:
        if error.failure.exit_status not in allowed:
            raise


def complaints(lab: Lab, data: Path) -> list[str]:
    """What e2fsck finds wrong with an ext4 file system, besides totals that Linux counts anew whenever it mounts one."""
    try:
        lab.runner.capture(lab.filesystem.command("e2fsck", "-f", "-n", data))
    except CommandError as error:
        said = error.failure.captured.splitlines()
        return [line for line in said if line.strip() and not _HARMLESS.match(line)] or _unexplained(error)
    return []


def _unexplained(error: CommandError) -> list[str]:
    """Nothing, where all that was wrong is harmless (status 4: errors were left), else the failure itself."""
    return [] if error.failure.exit_status == _ERRORS_LEFT else [str(error)]


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
