"""QEMU's monitor: QMP (docs/interop/qmp-spec.rst of QEMU), lines of JSON over a socket."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from builder.core.errors import BuilderError

_ANSWER_S = 30.0
_CHUNK_BYTES = 64 << 10


class MonitorError(BuilderError):
    """The monitor refused a command, or is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorEvent:
    """Something that happened in the machine: SHUTDOWN, RESET, STOP ..."""

    name: str
    data: Mapping[str, object]


class Monitor:
    """Talks to QEMU over `connection`, which is closed with it, and where no conversation begins.

    May be used by several threads.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""
        self._events: deque[MonitorEvent] = deque()
        self._lock = threading.RLock()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        greeting = self._message(time.monotonic() + _ANSWER_S)
        if greeting is None or "QMP" not in greeting:
            raise MonitorError("what answers at the monitor's socket is not QEMU", details=[str(greeting)])
        self.execute("qmp_capabilities")

    def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> object:
        """Run `command` and return what it answers; `MonitorError` where QEMU refuses it or does not answer."""
        request: dict[str, object] = {"execute": command}
        if arguments:
            request["arguments"] = dict(arguments)
        with self._lock:
            return self._execute(command, json.dumps(request).encode() + b"\n")

    def _execute(self, command: str, request: bytes) -> object:
        try:
            self._connection.sendall(request)
        except OSError as error:
            raise _gone(command) from error
        deadline_s = time.monotonic() + _ANSWER_S
        while (message := self._message(deadline_s)) is not None:
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise MonitorError(f"QEMU refuses {command}: {_described(message['error'])}")
        raise MonitorError(f"QEMU did not answer {command} within {_ANSWER_S:g} s")

    def wait_for(self, name: str, timeout_s: float) -> MonitorEvent:
        """The next event `name`; earlier ones of other names are dropped."""
        deadline_s = time.monotonic() + timeout_s
        with self._lock:
            while True:
                while self._events:
                    event = self._events.popleft()
                    if event.name == name:
                        return event
                if self._message(deadline_s) is None:
                    raise MonitorError(f"QEMU told of no {name} within {timeout_s:g} s")

    def close(self) -> None:
        """End the conversation; QEMU goes on."""
        self._connection.close()

    def _message(self, deadline_s: float) -> Mapping[str, object] | None:
        """The next message; an event is kept as one too. None where none came before `deadline_s`."""
        while b"\n" not in self._rest:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            self._connection.settimeout(left_s)
            try:
                data = self._connection.recv(_CHUNK_BYTES)
            except TimeoutError:
                return None
            except OSError as error:
                raise _gone("the monitor") from error
            if not data:
                raise _gone("the monitor")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise MonitorError("QEMU's monitor said what is no message", details=[line.decode(errors="replace")])
        if "event" in message:
            told = message.get("data")
            self._events.append(MonitorEvent(name=str(message["event"]), data=told if isinstance(told, dict) else {}))
        return message


def _gone(what: str) -> MonitorError:
    return MonitorError(f"QEMU is gone: {what} has no answer")


def _described(error: object) -> str:
    return str(error.get("desc", error)) if isinstance(error, dict) else str(error)
