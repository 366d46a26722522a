"""Waiting for a lab's supervisor."""

import time

from builder.core.errors import BuilderError
from builder.io.cancel import CancelToken
from builder.io.sockets import connect_unix
from builder.lab.place import CONTROL, LabPlace

_START_S = 30.0
_POLL_S = 0.05
_LAST_LINES = 10


def wait_for_supervisor(place: LabPlace, cancel: CancelToken) -> None:
    """Wait until the supervisor answers; `BuilderError` with what it said where it does not."""
    deadline_s = time.monotonic() + _START_S
    while True:
        cancel.check()
        try:
            connect_unix(place.path, CONTROL).close()
        except OSError:
            if time.monotonic() > deadline_s:
                said = place.log.read_text(errors="replace").splitlines()[-_LAST_LINES:] if place.log.exists() else []
                raise BuilderError(
                    f"the lab's supervisor has not answered within {_START_S:g} s", details=said
                ) from None
            time.sleep(_POLL_S)
        else:
            return
