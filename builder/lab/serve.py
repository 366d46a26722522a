"""Answers one request of somebody who uses a lab."""

import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from builder.core.errors import BuilderError, RecipeError
from builder.io.cancel import CancelToken
from builder.lab.conduct import Conductor
from builder.lab.protocol import receive, send, told

_CHUNK_BYTES = 4096
# Whoever shows a console and does not read is dropped: the machine would wait for it.
_READER_S = 2.0

Request = Mapping[str, Any]


def serve(connection: socket.socket, conductor: Conductor, cancel: CancelToken) -> None:
    """Answer what is asked over `connection`, and close it. `down` sets `cancel`."""
    with connection, suppress(OSError, ValueError):
        received = receive(connection)
        if received is None:
            return
        request, typed = received
        try:
            result = _answer(request, conductor)
        except BuilderError as error:
            send(connection, told(error))
            return
        except Exception as error:
            send(connection, told(BuilderError(f"unexpected {type(error).__name__}: {error}")))
            raise
        send(connection, {"result": result})
        if request["do"] == "console":
            _accompany(connection, conductor, request["machine"], typed)
        if request["do"] == "down":
            cancel.set("the lab is ended")


def _answer(request: Request, conductor: Conductor) -> object:
    action = _ACTIONS.get(request.get("do", ""))
    if action is None:
        raise BuilderError(
            f"this lab's supervisor does not know {request.get('do')!r}", hint="it is older than this builder: lab down"
        )
    return action(conductor, request)


def _status(conductor: Conductor, _: Request) -> object:
    return conductor.status().model_dump(mode="json")


def _cut(conductor: Conductor, request: Request) -> None:
    conductor.cut(request["machine"], request["network"], is_cut=request["is_cut"])


def _clock(conductor: Conductor, request: Request) -> None:
    conductor.shift_clock(request["machine"], timedelta(seconds=request["shift_s"]))


def _run(conductor: Conductor, request: Request) -> object:
    return asdict(conductor.run(request["machine"], request["command"], request["timeout_s"]))


def _expect(conductor: Conductor, request: Request) -> object:
    try:
        pattern = re.compile(request["pattern"])
    except re.error as error:
        raise RecipeError(f"{request['pattern']!r} is no regular expression: {error}") from None
    machine = conductor.station(request["machine"]).machine()
    return machine.expect(pattern.pattern, request["timeout_s"])[0]


def _last_lines(conductor: Conductor, request: Request) -> object:
    return conductor.station(request["machine"]).last_lines()


def _type(conductor: Conductor, request: Request) -> None:
    conductor.station(request["machine"]).machine().console.send(request["text"])


def _console(conductor: Conductor, request: Request) -> None:
    conductor.station(request["machine"])


_ACTIONS: Mapping[str, Callable[[Conductor, Request], object]] = {
    "start": lambda conductor, _: conductor.start(),
    "status": _status,
    "cut": _cut,
    "clock": _clock,
    "power-cut": lambda conductor, request: conductor.power_cut(request["machine"]),
    "power-on": lambda conductor, request: conductor.power_on(request["machine"]),
    "power-button": lambda conductor, request: conductor.press_power(request["machine"]),
    "save": lambda conductor, request: conductor.save(request["machine"], request["snapshot"]),
    "restore": lambda conductor, request: conductor.restore(request["machine"], request["snapshot"]),
    "run": _run,
    "expect": _expect,
    "type": _type,
    "last-lines": _last_lines,
    "console": _console,
    "note": lambda conductor, request: conductor.note(request["machine"], request["what"]),
    "down": lambda _conductor, _: None,
}


def _accompany(connection: socket.socket, conductor: Conductor, name: str, typed: bytes) -> None:
    """Pass a console's bytes on, until the other side leaves; the machine may be turned off and on meanwhile."""
    station = conductor.station(name)
    connection.settimeout(_READER_S)

    def show(data: bytes) -> None:
        with suppress(OSError):
            connection.sendall(data)

    station.watch(show)
    try:
        while True:
            if typed and station.is_on:
                station.machine().console.send(typed)
            typed = b""
            with suppress(TimeoutError):
                typed = connection.recv(_CHUNK_BYTES)
                if not typed:
                    return
    finally:
        station.unwatch(show)
