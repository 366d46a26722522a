"""Free TCP ports on loopback."""

import os
import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
# Below every port that the kernel gives to an outgoing connection: such a connection cannot take a port away before its
# server starts, and konnectivity-server refuses the ports from 49152 on. A few apart: some take the next ones too.
_FIRST, _END, _APART = 20_000, 32_000, 4


def candidates() -> range:
    """Of tests that run at once each process has ports of its own: some servers start long after theirs was chosen."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return range(_FIRST + _APART * process, _END, _APART * processes)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; they are all held until the last is found, so that they differ."""
    with ExitStack() as held:
        mine = candidates()
        shuffled = iter(random.SystemRandom().sample(mine, k=len(mine)))
        ports: list[int] = []
        while len(ports) < count:
            listener = held.enter_context(socket.socket())
            try:
                listener.bind((LOOPBACK, port := next(shuffled)))
            except OSError:
                continue
            ports.append(port)
        return ports
