"""Disks as a power cut leaves them, and whether a device can go on with one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.io.command import CommandError
from builder.vm.writelog import WriteLog
from tests.qemu.lab import Device, Lab

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
