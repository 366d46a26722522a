"""`builder run` as people and scripts use it, with guests of one sector."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.vm.guests import ECHO, HALT, OFF, say, write_guest

ROOT = Path(__file__).parents[3]
_S = 60.0
BUILDER = (sys.executable, "-P", "-m", "builder", "run")
PC = ("--machine", "q35-bios", "--emulate")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BUILDER, *map(str, arguments)], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=_S
    )  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def machines_of(image: Path) -> list[str]:
    """The command lines of processes that have `image` in them, apart from the builder's."""
    found = []
    for path in Path("/proc").glob("[0-9]*/maps"):
        try:
            words = (path.parent / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(image.parent) in word for word in words) and "builder" not in words:
            found.append(" ".join(words))
    return found


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    return write_guest(tmp_path / "echo.img", say("ready\r\n") + ECHO)


def test_a_machine_that_turns_itself_off(tmp_path: Path) -> None:
    done = run(write_guest(tmp_path / "off.img", say("hello\r\n") + OFF + HALT), *PC)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "off.img on q35-bios (PC with BIOS; as asked for), emulated; what it writes is thrown away" in done.stderr


@pytest.mark.parametrize("options", [PC, (*PC[:2], "--own-time")], ids=["emulated", "own time"])
def test_scripts_wait_for_words(options: Sequence[str], echo: Path) -> None:
    done = run(echo, *options, "--until", "r(ea)dy", "--timeout", "50")
    assert (done.returncode, done.stdout.strip()) == (0, "ready")


@pytest.mark.parametrize("until", [(), ("--until", "login:")], ids=["off", "words"])
def test_scripts_do_not_wait_for_ever(until: Sequence[str], echo: Path) -> None:
    done = run(echo, *PC, *until, "--timeout", "2")
    assert done.returncode == 4
    assert "within 2 s" in done.stderr
    assert "\n  ready\n" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{dir}/none.img"], 2, "there is no {dir}/none.img"),
        (["{dir}/text.img"], 2, "text.img is no image of a disk: it has no partition table"),
        (["{dir}/echo.img"], 2, "nothing says which machine {dir}/echo.img is for"),
        (["{dir}/echo.img", "--machine", "q35-bois"], 2, "there is no machine 'q35-bois'; did you mean 'q35-bios'?"),
        (["{dir}/echo.img", *PC, "--port", "22"], 2, "--port 22: must be two port numbers, as in 2222:22"),
        (
            ["{dir}/echo.img", *PC, "--port", "2222:22", "--network", "none"],
            2,
            "no port can be forwarded: --network none",
        ),
        (
            ["{dir}/echo.img", "--machine", "bpim2u", "--memory", "2 GiB"],
            2,
            "has 1024 MiB of memory, and no other size",
        ),
        (["{dir}/echo.img", "--machine", "bpim2u", "--own-time"], 2, "takes a machine of one core, and bpim2u has 4"),
        (["{dir}/echo.img", *PC, "--disk-size", "1 KiB"], 2, "it cannot be made smaller"),
        (["{dir}/echo.img", *PC, "--disk-size", "much"], 2, "'much' is not a size"),
        (["{dir}/echo.img", *PC, "--until", "("], 2, "--until (: this is no regular expression"),
        (["{dir}/echo.img", *PC, "--memory", "4000 TiB"], 1, "qemu-system-x86_64 failed with exit status 1"),
    ],
)
def test_bad_input(arguments: Sequence[str], code: int, message: str, echo: Path) -> None:
    directory = echo.parent
    (directory / "text.img").write_text("hello\n" * 1000)
    done = run(*(argument.replace("{dir}", str(directory)) for argument in arguments))
    assert message.replace("{dir}", str(directory)) in done.stderr
    assert done.returncode == code
    assert machines_of(echo) == []


def test_a_port_in_use_is_told_before_anything_starts(echo: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(echo, *PC, "--port", f"{port}:22")
    assert done.returncode == 1
    assert f"port {port}: Address already in use" in done.stderr
    assert done.stdout == ""


def test_a_person_types_and_leaves(echo: Path) -> None:
    person, terminal = pty.openpty()
    argv = [*BUILDER, str(echo), *PC]
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment(), stdin=terminal, stdout=terminal, stderr=terminal
    ) as builder:
        os.close(terminal)
        seen = _read_until(person, b"ready")
        assert b"Ctrl-A x ends it" in seen
        os.write(person, b"\x03abc")
        _read_until(person, b"\x03abc")
        os.write(person, b"\x01x")
        assert builder.wait(_S) == 0
    os.close(person)
    assert machines_of(echo) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_no_machine_is_left_behind(number: signal.Signals, code: int, echo: Path) -> None:
    argv = [*BUILDER, str(echo), *PC]
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline().strip() == b"ready"
        assert _running_from(builder.pid)
        builder.send_signal(number)
        assert builder.wait(_S) == code
        deadline = time.monotonic() + _S
        while (left := _running_from(builder.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left


def test_nobody_reads_any_more(tmp_path: Path) -> None:
    loud = write_guest(tmp_path / "loud.img", say("x") + b"\xeb" + bytes([256 - 5]))
    argv = [*BUILDER, str(loud), *PC]
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as builder:
        assert builder.stdout is not None
        assert builder.stderr is not None
        assert builder.stdout.read(3) == b"xxx"
        builder.stdout.close()
        assert builder.wait(_S) == 130
        assert b"nobody reads what the machine says" in builder.stderr.read()


def _running_from(builder: int) -> list[int]:
    """QEMUs whose descriptor marks them as started by a builder, by its session or its parents."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            words = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if b"qemu-system" in words and (parent == builder or b"\0q35-bios\0" in words):
            found.append(int(path.parent.name))
    return found


def _read_until(descriptor: int, wanted: bytes) -> bytes:
    seen = b""
    deadline = time.monotonic() + _S
    while wanted not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(descriptor, 4096)
    return seen
