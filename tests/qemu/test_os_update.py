"""Updates of the operating system, good ones and such that do not work, from power-on to power-on."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.app.session import Session
from builder.core.resources import MIB
from builder.trust.minisign import SecretKey
from builder.vm.machine import Machine
from tests.qemu.lab import BOOT_S, Lab, facts
from tests.qemu.updates import RECIPE, Publisher, run

BOARD = "generic-amd64"
CONSOLES = '"console=tty0", "console=ttyS0,115200"'
OWN_MOTD = 'rootfs.files={"/etc/motd": {content: "the new system"}, "/etc/only-new": {content: new}}'
OWN_ACCOUNT = "rootfs.users={theirs: {}}"
FAILING_UNIT = (
    'rootfs.files={"/etc/systemd/system/ssh.service.d/90.conf":'
    ' {content: "[Service]\\nExecStartPre=/bin/false\\nRestart=no\\n"}}'
)
NO_KERNEL = f'boards.{BOARD}.command_line=[{CONSOLES}, "rdinit=/none"]'
NO_ROOT = f'boards.{BOARD}.command_line=[{CONSOLES}, "device.disk=00000000"]'


@pytest.fixture
def publisher(session: Session, tmp_path: Path) -> Publisher:
    place = tmp_path / "published"
    place.mkdir()
    return Publisher(session=session, board=BOARD, place=place, key=SecretKey.make())


def status(machine: Machine) -> Mapping[str, Any]:
    """What the device says of its systems."""
    told: Mapping[str, Any] = json.loads(run(machine, "kedge os status -o json"))
    return told


def trust(machine: Machine, publisher: Publisher) -> None:
    """Have the device take what the publisher signs."""
    run(machine, "mkdir -p /etc/kedge/upgrade")
    run(machine, f"printf 'untrusted comment: x\\n{publisher.key.public.line}\\n' >/etc/kedge/upgrade/x.pub")


def install(machine: Machine, wanted: str) -> str:
    """Install an update, as the words of `kedge os install` say, and have the device restart into it."""
    said = run(machine, f"kedge os install {wanted}")
    machine.console.send_line("systemctl reboot")
    machine.expect(r"Starting slot [AB]\.", BOOT_S)
    return said


@pytest.mark.slow
def test_a_system_is_updated_and_goes_back_where_the_next_does_not_work(lab: Lab, publisher: Publisher) -> None:
    good, unit, kernel, root = (
        publisher.publish(version, *changes)
        for version, *changes in (
            ("0.2.0", OWN_MOTD, OWN_ACCOUNT),
            ("0.3.0", FAILING_UNIT),
            ("0.4.0", NO_KERNEL),
            ("0.5.0", NO_ROOT),
        )
    )
    lab = replace(lab, workspace=publisher.session.project.open(str(RECIPE)))
    device = lab.device("device", BOARD, "q35-bios")
    with publisher.serving() as url, lab.start(device) as machine:
        assert facts(machine)["state"] == "running"
        trust(machine, publisher)
        run(machine, "echo ours:x:2000:2000::/:/bin/false >>/etc/passwd")
        run(machine, "echo mine >/etc/motd; rm /etc/issue; echo kept >/var/lib/kept")
        install(machine, f"{url}/{good} --good-within 3m")
        _runs(machine, slot="B", version="0.2.0")
        # What the device has changed is the device's; what it has not comes with the system.
        assert run(machine, "cat /etc/motd /etc/only-new; echo; cat /var/lib/kept").split() == ["mine", "new", "kept"]
        run(machine, "test ! -e /etc/issue")
        assert run(machine, "grep -cE '^(ours|theirs|root):' /etc/passwd").strip() == "3"

        for update, version, why in (
            (unit, "0.3.0", "not as before within 3m0s: ssh.service failed"),
            (kernel, "0.4.0", "its system did not come so far"),
            (root, "0.5.0", "its system did not come so far"),
        ):
            said = install(machine, f"{url}/{update} --good-within 3m")
            fetched = re.search(r"(\d+) fetched", said)
            assert fetched
            assert int(fetched[1]) < 2 * MIB, said
            machine.expect(r"Starting slot B\.", BOOT_S)
            found = _runs(machine, slot="B", version="0.2.0")
            assert (found["failed"]["slot"], found["failed"]["version"]) == ("A", version)
            assert why in found["failed"]["why"]
            assert f"back on slot B because version {version}" in run(machine, "kedge os status")
            assert not found["slots"][0]["ok"]


def _runs(machine: Machine, *, slot: str, version: str) -> Mapping[str, Any]:
    """The device has started from `slot`, works, and would start from there again."""
    assert (facts(machine)["state"]) == "running"
    found = status(machine)
    assert (found["running"], found["next"], found["version"]) == (slot, slot, version)
    assert "trial" not in found
    return found
