"""A machine from its start to its end, with guests of one sector."""

import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.io.spawn import CommandError
from builder.vm.console import ConsoleError
from builder.vm.images import DiskWanted, prepare_disk
from builder.vm.machine import Bench, Machine
from builder.vm.machines import read_machine
from builder.vm.model import Bus
from builder.vm.monitor import MonitorError
from builder.vm.segment import Segment
from builder.vm.setup import Setup, SharedNetwork
from tests.integration.vm.conftest import NewBench
from tests.integration.vm.guests import ECHO, HALT, MACHINES, OFF, WAIT, pc, raw, say, write_guest

_S = 60.0


def setup(bench: Bench, code: bytes) -> Setup:
    disk = write_guest(bench.directory / "disk.img", code)
    return Setup(name="test", type=pc(), disk=raw(disk), memory_mib=64)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_guest_talks_and_turns_itself_off(bench: Bench) -> None:
    with Machine(setup(bench, say("hello\r\n") + OFF + HALT), bench) as machine:
        assert machine.expect(r"he(l+)o\n", _S)[1] == "ll"
        assert machine.wait(_S)
    assert b"hello\r\n" in machine.console.transcript.read_bytes()


def test_a_guest_hears_what_is_typed(bench: Bench) -> None:
    heard: list[bytes] = []
    with Machine(setup(bench, say("ready ") + ECHO), bench, listen=heard.append) as machine:
        machine.expect("ready", _S)
        machine.console.send_line("abc")
        machine.expect("abc", _S)
        pid = machine.pid
        assert is_running(pid)
    assert not is_running(pid)
    assert b"".join(heard).endswith((b"ready abc", b"ready abc\r"))


def test_what_is_not_said_is_told_with_the_last_lines(bench: Bench) -> None:
    with Machine(setup(bench, say("one\r\ntwo\r\n") + HALT), bench) as machine:
        machine.expect("two", _S)
        with pytest.raises(ConsoleError, match=r"did not say within 0\.3 s: login:") as caught:
            machine.expect("login:", 0.3)
    assert caught.value.details[-2:] == ("two", f"all of it: {bench.directory / 'console.log'}")


def test_a_machine_that_ends_first_is_told(bench: Bench) -> None:
    with (
        Machine(setup(bench, say("bye\r\n") + OFF), bench) as machine,
        pytest.raises(ConsoleError, match="ended before"),
    ):
        machine.expect("login:", _S)


def test_cutting_the_power_ends_it_at_once(bench: Bench) -> None:
    with Machine(setup(bench, say("on") + HALT), bench) as machine:
        machine.expect("on", _S)
        pid = machine.pid
        machine.cut_power()
        assert not is_running(pid)


def test_a_reset_starts_the_guest_again(bench: Bench) -> None:
    with Machine(setup(bench, say("start\r\n") + HALT), bench) as machine:
        machine.expect("start", _S)
        machine.reset()
        machine.monitor.wait_for("RESET", _S)
        machine.expect("start", _S)


def test_a_picture_of_the_screen(bench: Bench) -> None:
    with Machine(replace(setup(bench, say("x") + HALT), screen=True), bench) as machine:
        machine.expect("x", _S)
        machine.screenshot(bench.directory / "screen.png")
    assert (bench.directory / "screen.png").read_bytes().startswith(b"\x89PNG")


def test_a_machine_is_saved_and_restored(bench: Bench) -> None:
    wanted = setup(bench, say("ready ") + WAIT + say("once ") + HALT)
    disk = prepare_disk(DiskWanted(image=wanted.disk.path, bus=Bus.VIRTIO), bench)
    with Machine(replace(wanted, disk=disk), bench) as machine:
        machine.expect("ready ", _S)
        machine.save("waiting")
        machine.console.send("x")
        machine.expect("once ", _S)
        machine.restore("waiting")
        machine.console.send("x")
        machine.expect("once ", _S)
        with pytest.raises(MonitorError, match="QEMU refuses 'loadvm nothing': "):
            machine.restore("nothing")


def test_uefi_keeps_its_variables_in_the_machine_s_directory(bench: Bench) -> None:
    wanted = replace(setup(bench, HALT), type=read_machine(MACHINES, "q35-uefi"))
    for _ in range(2):
        with Machine(wanted, bench) as machine:
            machine.expect("BdsDxe: ", _S)
    assert (bench.directory / "variables.qcow2").stat().st_size > 0


def test_the_monitor_refuses_with_a_reason(bench: Bench) -> None:
    with Machine(setup(bench, HALT), bench) as machine:
        with pytest.raises(MonitorError, match="QEMU refuses nonsense: The command nonsense has not been found"):
            machine.monitor.execute("nonsense")
        assert machine.monitor.execute("query-status") == {"running": True, "status": "running"}


def test_a_machine_that_does_not_start_says_why(bench: Bench) -> None:
    wanted = setup(bench, HALT)
    (bench.directory / "disk.img").unlink()
    with pytest.raises(CommandError) as caught:
        Machine(wanted, bench)
    assert "disk.img" in "\n".join(caught.value.details)
    assert "No such file or directory" in "\n".join(caught.value.details)


def test_a_machine_that_hangs_at_its_start_is_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder.vm.machine._START_S", 0.0)
    monkeypatch.setattr("builder.vm.machine.MONITOR", "nowhere")
    with pytest.raises(BuilderError, match="QEMU has not opened its nowhere within 0 s"):
        Machine(setup(bench, HALT), bench)
    assert not [link for link in Path("/proc").glob("[0-9]*/cwd") if _leads_to(link, bench.directory)]


def test_a_segment_joins_its_machines(new_bench: NewBench) -> None:
    benches = [new_bench("a"), new_bench("b")]
    listener = new_bench("listener").directory
    with Segment() as segment, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(listener / "net0"))
        ear.settimeout(_S)
        for directory in (*(one.directory for one in benches), listener):
            segment.attach(directory)
        wanted = [replace(setup(one, HALT), name=one.directory.name, networks=[SharedNetwork()]) for one in benches]
        with Machine(wanted[0], benches[0]) as first, Machine(wanted[1], benches[1]) as second:
            for machine in (first, second):
                machine.monitor.execute("announce-self", {"initial": 50, "max": 500, "rounds": 3, "step": 50})
                address = bytes.fromhex(machine.setup.mac(0).replace(":", ""))
                # Ethernet: the source stands behind the destination.
                while ear.recv(2048)[6:12] != address:
                    pass
    assert wanted[0].mac(0) != wanted[1].mac(0)


# What is started in the background of a shell ignores SIGINT, and so would this.
KILLED = """
import signal, sys, time
from pathlib import Path
from builder.core.arch import host_arch
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree
from builder.vm.machine import Bench, Machine
from builder.vm.machines import read_machine
from builder.vm.model import Bus
from tests.integration.vm.guests import HALT, pc, raw, say, write_guest
from builder.vm.setup import Setup
signal.signal(signal.SIGINT, signal.default_int_handler)
directory, root = map(Path, sys.argv[1:])
with Leash() as leash:
    bench = Bench(directory=directory, tools=ToolsTree(root=root, arch=host_arch()),
                  runner=Runner(log=directory / "qemu.log", leash=leash))
    disk = write_guest(directory / "disk.img", say("up") + HALT)
    with Machine(Setup(name="test", type=pc(), disk=raw(disk), memory_mib=64), bench) as machine:
        machine.expect("up", 60)
        print(machine.pid, flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=str)
def test_a_builder_that_dies_leaves_no_machine(bench: Bench, number: signal.Signals) -> None:
    argv = [sys.executable, "-c", KILLED, str(bench.directory), str(bench.tools.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as builder:
        assert builder.stdout is not None
        pid = int(builder.stdout.readline())
        assert is_running(pid)
        builder.send_signal(number)
        builder.wait()
    deadline = time.monotonic() + _S
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def _leads_to(link: Path, directory: Path) -> bool:
    try:
        return link.readlink() == directory
    except OSError:
        return False
