"""Whatever dies, and whenever: nothing is left after `builder lab down`."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from builder.io.procfs import process_ids, read_stat
from builder.lab import client, end
from tests.integration.lab.commands import ROOT, Desk, argv, environment
from tests.integration.lab.test_use import wait_for


def pids(desk: Desk) -> dict[str, int]:
    status = desk.status()
    return {machine.name: machine.pid for machine in status.machines}


def supervisor(desk: Desk) -> int:
    return int(json.loads(desk.place.state.read_text())["supervisor"]["pid"])


def is_alive(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.is_alive


def helpers_of(pid: int) -> list[int]:
    """Its children that are no QEMU: the other end of its leash."""
    found = [stat for one in process_ids() if (stat := read_stat(one)) and stat.parent == pid]
    return [stat.pid for stat in found if b"leash_process" in Path(f"/proc/{stat.pid}/cmdline").read_bytes()]


def test_no_machine_outlives_its_supervisor(running: Desk) -> None:
    machines = pids(running)
    os.kill(supervisor(running), signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, machines.values())))
    told = running.use("status", "--once")
    assert told.returncode == 1
    assert "its supervisor is gone" in told.stderr
    assert f"builder lab down --lab {running.name}" in told.stderr
    refused = running.up()
    assert f"there is a lab {running.name} already, which does not run" in refused.stderr
    assert running.use("down").returncode == 0
    assert running.left() == []


def test_machines_whose_supervisor_and_its_leash_were_killed_are_ended(running: Desk) -> None:
    parent, machines = supervisor(running), pids(running)
    os.kill(parent, signal.SIGSTOP)
    for pid in helpers_of(parent):
        os.kill(pid, signal.SIGKILL)
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: not is_alive(parent))
    assert all(map(is_alive, machines.values()))
    assert running.use("down").returncode == 0
    assert not any(map(is_alive, machines.values()))
    assert running.left() == []


def test_a_supervisor_that_hangs_is_ended(running: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ANSWER_S", 0.5)
    os.kill(supervisor(running), signal.SIGSTOP)
    end.end_lab(running.place)
    assert running.left() == []


def test_a_machine_that_is_killed_is_told_and_starts_again(running: Desk) -> None:
    os.kill(pids(running)["two"], signal.SIGKILL)
    wait_for(lambda: not running.status().machines[1].is_on)
    assert "QEMU ended" in running.use("status", "--once").stdout
    assert "ended by signal SIGKILL" in running.status().machines[1].failure
    assert running.use("power-on", "two").returncode == 0
    assert all(machine.is_on for machine in running.status().machines)


def test_a_signal_to_the_supervisor_ends_the_lab(running: Desk) -> None:
    machines, parent = pids(running), supervisor(running)
    os.kill(parent, signal.SIGTERM)
    wait_for(lambda: not any(map(is_alive, [parent, *machines.values()])))
    assert running.use("down").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP], ids=str)
@pytest.mark.parametrize("after_s", [0.3, 0.6, 0.9, 1.1, 1.3, 1.6])
def test_nothing_is_left_of_a_command_that_dies(desk: Desk, number: signal.Signals, after_s: float) -> None:
    words = argv("up", str(desk.file), "--name", desk.name, "--no-wait")
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, start_new_session=True, text=True
    ) as up:
        time.sleep(after_s)
        up.send_signal(number)
        _, said = up.communicate()
    if f"the lab {desk.name} runs" in said:
        assert all(machine.is_on for machine in desk.status().machines)
    elif number is not signal.SIGKILL:
        assert up.returncode != 0
        assert desk.left() == []
    if desk.place.path.exists():
        assert desk.use("down").returncode == 0
    assert desk.left() == []


def test_the_end_of_a_terminal_leaves_a_lab_alone(desk: Desk) -> None:
    """What follows a lab is ended with its session; the lab goes on."""
    words = argv("up", str(desk.file), "--name", desk.name)
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, start_new_session=True) as up:
        said = up.stderr
        assert said is not None
        wait_for(lambda: up.poll() is not None or b"runs" in said.readline())
        os.killpg(up.pid, signal.SIGHUP)
    assert all(machine.is_on for machine in desk.status().machines)
