"""How a lab's supervisor is spoken to: one line of JSON each way, over a socket that only the lab's owner can open.

Where a console is asked for, all that follows the answer is the console's bytes, in both directions.
"""

import json
import socket
from collections.abc import Mapping
from typing import Any

from builder.core.errors import BuilderError, InterruptedBuildError, MissingToolError, RecipeError, VerificationError

_CHUNK_BYTES = 64 << 10
_MOST_BYTES = 64 << 20
_KINDS: Mapping[str, type[BuilderError]] = {
    kind.__name__: kind
    for kind in (BuilderError, RecipeError, VerificationError, MissingToolError, InterruptedBuildError)
}


def send(connection: socket.socket, message: Mapping[str, object]) -> None:
    """Send `message` as one line."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """The next message, and what came behind its line already; None where the other side is gone."""
    said = b""
    while b"\n" not in said:
        data = connection.recv(_CHUNK_BYTES)
        if not data or len(said) > _MOST_BYTES:
            return None
        said += data
    line, _, rest = said.partition(b"\n")
    message = json.loads(line)
    if not isinstance(message, dict):
        raise BuilderError("what answers is no supervisor of a lab")
    return message, rest


def told(error: BuilderError) -> dict[str, object]:
    """`error` as an answer; its kind decides on the exit code of whoever asked."""
    kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in _KINDS)
    return {"error": {"kind": kind, "brief": error.brief, "details": list(error.details), "hint": error.hint}}


def raise_told(answer: Mapping[str, Any]) -> None:
    """Raise the error that `answer` tells, if it tells one."""
    if error := answer.get("error"):
        kind = _KINDS.get(error["kind"], BuilderError)
        raise kind(error["brief"], details=error["details"], hint=error["hint"])
