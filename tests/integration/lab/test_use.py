"""Using a lab that runs: each command, by what comes of it."""

import os
import pty
import subprocess
import time
from collections.abc import Callable

import pytest

from builder.core.errors import VerificationError
from builder.lab.client import LabClient
from builder.lab.stages import Stage
from tests.integration.lab.commands import ROOT, TIMEOUT_S, Desk, argv, environment


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def stages(desk: Desk) -> list[Stage | None]:
    return [machine.stage for machine in desk.status().machines]


def test_a_lab_runs_until_it_is_ended(running: Desk) -> None:
    wait_for(lambda: stages(running) == [Stage.USERSPACE] * 2)
    status = running.status()
    assert [machine.is_on for machine in status.machines] == [True, True]
    assert status.is_ready
    shown = running.use("status", "--once").stdout.splitlines()
    assert shown[0].split() == ["machine", "role", "arch", *(stage.value for stage in Stage), "now"]
    assert [line.split()[0] for line in shown[1:]] == ["one", "two"]
    assert running.name in running.lab("list").stdout.split()
    assert running.use("logs", "one").stdout == "systemd[1]: up\n"
    assert running.place.path.stat().st_mode & 0o077 == 0
    ended = running.use("down")
    assert (ended.returncode, ended.stderr) == (0, f"the lab {running.name} is gone\n")
    assert running.left() == []


def test_power_is_cut_and_comes_back(running: Desk) -> None:
    before = running.status().machines[0].pid
    assert running.use("power-cut", "one", "--stay-off").returncode == 0
    assert [machine.is_on for machine in running.status().machines] == [False, True]
    assert running.use("power-on", "one").returncode == 0
    status = running.status()
    assert status.machines[0].is_on
    assert status.machines[0].pid != before
    assert [(boot.machine, boot.number) for boot in status.boots] == [("one", 1), ("one", 2), ("two", 1)]
    assert [one.what for one in status.happenings] == ["power on", "power on", "power cut", "power on"]
    again = running.use("power-on", "one")
    assert (again.returncode, again.stderr) == (2, "error: one is on already\n")


def test_networks_are_cut_and_healed(running: Desk) -> None:
    assert running.use("cut", "one").returncode == 0
    assert running.status().machines[0].cut == ("uplink", "wire")
    assert running.use("heal", "one", "--network", "wire").returncode == 0
    assert running.status().machines[0].cut == ("uplink",)
    wrong = running.use("cut", "two", "--network", "uplink")
    assert wrong.stderr == "error: two is not attached to 'uplink'; networks: wire\n"


def test_clocks_are_wrong_from_the_next_start_on(running: Desk) -> None:
    assert running.use("clock", "one", "--", "-400d").returncode == 0
    assert running.use("power-cut", "one").returncode == 0
    words = (running.place.machine("one") / "qemu.log").read_text()
    # The second start of two.
    assert words.count("-rtc base=") == 1
    assert words.index("-smp") < words.index("-rtc base=")
    assert running.use("clock", "one", "soon").stderr.startswith("error: 'soon' must be a number with s, m, h or d")


def test_machines_are_saved_and_restored(running: Desk) -> None:
    client = LabClient(running.place)
    assert client.expect("one", "systemd.*up", TIMEOUT_S).endswith("up")
    assert running.use("save", "one", "fresh").returncode == 0
    client.ask("type", machine="one", text="abc")
    assert client.expect("one", "abc", TIMEOUT_S) == "abc"
    assert running.use("restore", "one", "fresh").returncode == 0
    refused = running.use("restore", "one", "never")
    assert refused.returncode == 1
    assert "QEMU refuses 'loadvm never'" in refused.stderr


def test_a_person_is_at_a_console(running: Desk) -> None:
    LabClient(running.place).expect("one", "up", TIMEOUT_S)
    ours, theirs = pty.openpty()
    words = argv("console", "one", "--lab", running.name)
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs) as console:
        os.close(theirs)
        said = b""
        while b"Ctrl-A x" not in said:
            said += os.read(ours, 1000)
        typed = False
        while b"hello" not in said:
            if not typed:
                time.sleep(1)
                os.write(ours, b"hello")
                typed = True
            said += os.read(ours, 1000)
        os.write(ours, b"\x01x")
        assert console.wait(TIMEOUT_S) == 0
    os.close(ours)
    assert running.status().machines[0].is_on


def test_what_a_machine_does_not_say_is_told_with_its_last_lines(running: Desk) -> None:
    client = LabClient(running.place)
    client.expect("one", "up", TIMEOUT_S)
    with pytest.raises(VerificationError, match=r"did not say within 0\.3 s: login:") as caught:
        client.expect("one", "login:", 0.3)
    assert "systemd[1]: up" in caught.value.details


def test_other_machines_and_labs_are_told(running: Desk) -> None:
    wrong = running.use("power-cut", "on")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        f"error: the lab {running.name} has no machine 'on'; did you mean 'one'? machines: one, two\n",
    )
    other = running.lab("status", "--lab", f"{running.name}x")
    assert other.returncode == 2
    assert "there is no lab" in other.stderr
    assert "has no cluster" in running.use("kubectl", "get", "nodes").stderr
    assert "only nodes of the lab's cluster" in running.use("run", "one", "true").stderr
