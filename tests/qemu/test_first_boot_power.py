"""Power cuts while a device takes from its card what makes it a node: nothing is ever lost, and it always goes on."""

import io
import shutil
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.fleet.role import Role
from builder.io.command import CommandError
from builder.vm.writelog import read_write_log
from tests.qemu.cards import operator, provisioned
from tests.qemu.lab import BOOT_S, Device, Lab
from tests.qemu.power import Recording, check, cuts

_FEWEST = 100
_BOOTED = 4
# File systems are looked into after every request, and checked whole after each of so many: every boot does the same to them.
_CHECKED = 10
_ARCHIVE = "controller.tar"
# On the data partition.
_KEYS, _KEPT = "/var/lib/kedge/pki", f"/var/lib/device/first-boot/files/{_ARCHIVE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is on a disk: files of its card by their names, the keys that were unpacked, the archive that was kept."""

    card: Mapping[str, bytes]
    keys: Mapping[str, bytes]
    kept: bytes


def look(lab: Lab, device: Device) -> Found:
    """Look at a disk that nobody uses, as a device does that starts from it."""
    place = device.directory / "look"
    place.mkdir()
    card, data = lab.partition(device.disk, 1, place / "card.fat"), lab.partition(device.disk, 4, place / "data.ext4")
    run(lab, "e2fsck", "-E", "journal_only", "-y", data)
    (place / "card").mkdir()
    for name in ("node.yaml", "kedge.yaml", _ARCHIVE, "status.txt"):
        run(lab, "mcopy", "-n", "-i", card, f"::{name}", place / "card" / name)
    (place / "keys").mkdir()
    run(lab, "debugfs", "-R", f"rdump {_KEYS} {place / 'keys'}", data)
    run(lab, "debugfs", "-R", f"dump {_KEPT} {place / 'kept'}", data)
    kept = place / "kept"
    found = Found(
        card=files_of(place / "card"), keys=files_of(place / "keys"), kept=kept.read_bytes() if kept.exists() else b""
    )
    shutil.rmtree(place)
    return found


def run(lab: Lab, *command: str | Path) -> None:
    """Run a tool that fails where there is nothing to be found."""
    name, *arguments = command
    with suppress(CommandError):
        lab.runner.run(lab.filesystem.command(str(name), *arguments))


def files_of(directory: Path) -> Mapping[str, bytes]:
    return {str(one.relative_to(directory)): one.read_bytes() for one in directory.rglob("*") if one.is_file()}


def contents(archive: bytes) -> Mapping[str, bytes]:
    """The keys in an archive, by their paths."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [one for one in tar if one.isfile() and one.name.startswith("pki/")]
        return {one.name: file.read() for one in members if (file := tar.extractfile(one))}


def record(lab: Lab, device: Device) -> Recording:
    """Start `device` until somebody could log in, and cut its power."""
    before, path = lab.copy(device, "before"), device.directory / "writes"
    path.touch()
    with lab.start(device, write_log=path, own_time=False) as machine:
        machine.expect("stage:   starting", BOOT_S)
        machine.expect("login:", BOOT_S)
        machine.cut_power()
    return Recording(before=before, log=read_write_log(path))


@pytest.mark.slow
def test_power_cuts_after_every_request_of_a_first_boot(lab: Lab) -> None:
    work, device = operator(lab), lab.device("barn", "generic-amd64", "q35-uefi")
    provisioned(work, device, "barn", Role.CONTROLLER)
    given = look(lab, device).card
    archive, keys = given[_ARCHIVE], contents(given[_ARCHIVE])
    recording = record(lab, device)
    points = len(recording.log.entries)
    assert points >= _FEWEST
    where: set[str] = set()
    for end in cuts(recording):
        if end % _CHECKED == 0:
            check(lab, recording.before)
        found = look(lab, recording.before)
        assert found.card["node.yaml"] == given["node.yaml"], end
        places = {
            "card": found.card.get(_ARCHIVE) == archive,
            "kept": found.kept == archive,
            "unpacked": found.keys.items() >= keys.items(),
        }
        assert any(places.values()), (end, places)
        # Unpacked keys are all of them, or none.
        assert not found.keys or places["unpacked"], (end, sorted(found.keys))
        where.add(" ".join(place for place, is_there in places.items() if is_there))
        if end % (points // _BOOTED) == points // _BOOTED // 2:
            go_on(lab, lab.copy(recording.before, f"cut-{end}"), keys)
    # It was seen to move.
    assert {"card", "unpacked"} <= where, where


def go_on(lab: Lab, device: Device, keys: Mapping[str, bytes]) -> None:
    """What was cut off becomes whole at the next start."""
    with lab.start(device, own_time=False) as machine:
        machine.expect("stage:   starting", BOOT_S)
        machine.expect("login:", BOOT_S)
        machine.cut_power()
    found = look(lab, device)
    assert found.keys.items() >= keys.items(), device.name
    assert not found.kept, device.name
    assert set(found.card) == {"node.yaml", "status.txt"}, device.name
    lab.remove(device)
