"""Speaks to the supervisor of a lab."""

import socket
from typing import Any

from builder.core.errors import BuilderError
from builder.io.sockets import connect_unix
from builder.lab.agent import Answer
from builder.lab.place import CONTROL, LabPlace
from builder.lab.protocol import raise_told, receive, send
from builder.lab.status import LabStatus

# What is asked is done at once, unless it says how long it may take.
_ANSWER_S = 120.0


class LabClient:
    """Asks the supervisor of the lab at `place`; each question is a connection of its own."""

    def __init__(self, place: LabPlace) -> None:
        self.place = place

    def ask(self, do: str, answer_s: float | None = None, **arguments: object) -> Any:  # noqa: ANN401 - any JSON
        """What the supervisor answers within `answer_s` seconds; it raises here what went wrong there."""
        with self._connect() as connection:
            connection.settimeout(_ANSWER_S if answer_s is None else answer_s)
            return self._exchange(connection, {"do": do, **arguments})[0]

    def status(self) -> LabStatus:
        """The lab now."""
        return LabStatus.model_validate(self.ask("status"), strict=False)

    def run(self, machine: str, command: str, timeout_s: float) -> Answer:
        """Run a command in a machine's system."""
        told = self.ask("run", timeout_s + _ANSWER_S, machine=machine, command=command, timeout_s=timeout_s)
        return Answer(status=told["status"], output=told["output"])

    def expect(self, machine: str, pattern: str, timeout_s: float) -> str:
        """Wait until a machine's console says what the regular expression `pattern` finds, and return that."""
        return str(self.ask("expect", timeout_s + _ANSWER_S, machine=machine, pattern=pattern, timeout_s=timeout_s))

    def console(self, machine: str) -> tuple[socket.socket, bytes]:
        """The console of a machine, and the first bytes that came of it."""
        connection = self._connect()
        try:
            connection.settimeout(_ANSWER_S)
            _, rest = self._exchange(connection, {"do": "console", "machine": machine})
        except BaseException:
            connection.close()
            raise
        connection.settimeout(None)
        return connection, rest

    def _connect(self) -> socket.socket:
        try:
            return connect_unix(self.place.path, CONTROL)
        except OSError:
            raise self._gone() from None

    def _gone(self) -> BuilderError:
        return BuilderError(
            f"the lab {self.place.name} does not run: its supervisor is gone",
            details=[f"what it said: {self.place.log}"],
            hint=f"builder lab down --lab {self.place.name}; nothing of it is left then",
        )

    def _exchange(self, connection: socket.socket, request: dict[str, object]) -> tuple[Any, bytes]:
        try:
            send(connection, request)
            received = receive(connection)
        except TimeoutError:
            raise BuilderError(f"the lab {self.place.name} has not answered {request['do']!r} in time") from None
        except OSError:
            raise self._gone() from None
        if received is None:
            raise self._gone()
        answer, rest = received
        raise_told(answer)
        return answer["result"], rest
