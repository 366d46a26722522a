"""Commands in a guest, over a port of virtio instead of a network: what an image without any login can be asked.

`node.yaml` brings two files (`FILES`): a rule of udev, and a unit that gives a shell to what is plugged in under our name. The
port is plugged in when it is wanted, since the rule is not there yet when a device starts for the first time.
"""

import re
import secrets
import shlex
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import VerificationError
from builder.io.sockets import connect_unix
from builder.vm.arguments import AGENT
from builder.vm.machine import Machine
from builder.vm.monitor import MonitorError

_PORT = "builder.lab"
_DEVICE = "agent-port"
_CHUNK_BYTES = 64 << 10
_LOOK_S = 1.0
# A guest that has not answered after so long was plugged in before it had the rule: once more.
_PATIENCE_S = 30.0
_MOST_BYTES = 4 << 20
# What udev calls the port, as a unit (systemd-escape).
_UNIT_OF_PORT = r"dev-virtio\x2dports-builder.lab.device"
FILES: Mapping[str, str] = {
    "/etc/udev/rules.d/90-builder-lab.rules": (
        f'SUBSYSTEM=="virtio-ports", ATTR{{name}}=="{_PORT}", TAG+="systemd", ENV{{SYSTEMD_WANTS}}+="builder-lab.service"\n'
    ),
    "/etc/systemd/system/builder-lab.service": f"""[Unit]
Description=Commands of the lab that this machine runs in
BindsTo={_UNIT_OF_PORT}
After={_UNIT_OF_PORT}
StartLimitIntervalSec=0

[Service]
# A port can be opened once.
ExecStart=/bin/sh -c "exec /bin/sh <>/dev/virtio-ports/{_PORT} >&0 2>&0"
Restart=always
RestartSec=1
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said, standard error with it, and its status."""

    status: int
    output: str


class Agent:
    """The shell of the machine in `directory`. May be used by several threads; one command runs at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._line: _Line | None = None
        self._machine: Machine | None = None

    def run(self, machine: Machine, command: str, timeout_s: float) -> Answer:
        """What `command`, words of a shell, says in `machine`; `VerificationError` where it is not done in time."""
        deadline_s = time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            raise VerificationError("another command has not ended in this machine")
        try:
            line = self._shell(machine, deadline_s)
            found = line.ask(f"sh -c {shlex.quote(command)} </dev/null 2>&1", deadline_s)
        finally:
            self._lock.release()
        if found is None:
            self._forget()
            raise VerificationError(f"the command was not done within {timeout_s:g} s", details=[command])
        return found

    def _shell(self, machine: Machine, deadline_s: float) -> "_Line":
        """A shell that answers."""
        if self._machine is not machine:
            self._forget()
        self._machine = machine
        while self._line is None:
            line = _Line(connect_unix(self._directory, AGENT))
            _plug(machine)
            if line.ask(":", min(time.monotonic() + _PATIENCE_S, deadline_s)) is not None:
                self._line = line
                break
            line.close()
            if time.monotonic() > deadline_s:
                raise VerificationError(
                    "no shell answers in this machine",
                    details=machine.console.last_lines(),
                    hint="only nodes that the lab has provisioned have one, once their first boot is over",
                )
        return self._line

    def _forget(self) -> None:
        if self._line:
            self._line.close()
        self._line = None


def _plug(machine: Machine) -> None:
    """Pull the port, where it is there, and plug it in."""
    with suppress(MonitorError):
        machine.monitor.execute("device_del", {"id": _DEVICE})
        machine.monitor.wait_for("DEVICE_DELETED", _LOOK_S)
    machine.monitor.execute(
        "device_add",
        {"driver": "virtserialport", "id": _DEVICE, "bus": f"{AGENT}.0", "chardev": AGENT, "name": _PORT},
    )


class _Line:
    """A conversation with a shell: each command is followed by a word that nobody else says, and its status."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def ask(self, command: str, deadline_s: float) -> Answer | None:
        """What `command` says; None where it has not ended before `deadline_s`, or nobody answers."""
        begin, end = f"begin-{secrets.token_hex(8)}", f"end-{secrets.token_hex(8)}"
        # The words are written in two halves: the terminal of an old shell may echo what it reads.
        text = f"\nprintf '%s%s\\n' {begin[:4]} {begin[4:]}; {command}\nprintf '\\n%s%s %s\\n' {end[:4]} {end[4:]} \"$?\"\n"
        pattern = re.compile(rf"(?s){begin}\r?\n(.*)\r?\n{end} (\d+)\r?\n")
        said = b""
        with suppress(OSError):
            self._connection.settimeout(_LOOK_S)
            self._connection.sendall(text.encode())
            while time.monotonic() < deadline_s:
                with suppress(TimeoutError):
                    data = self._connection.recv(_CHUNK_BYTES)
                    if not data:
                        return None
                    said = (said + data)[-_MOST_BYTES:]
                if found := pattern.search(said.decode(errors="replace")):
                    return Answer(status=int(found[2]), output=found[1])
        return None

    def close(self) -> None:
        """End it; the shell ends with the input."""
        self._connection.close()
