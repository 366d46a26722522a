"""Free TCP ports on loopback."""

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
# Below every port that the kernel gives to an outgoing connection: such a connection cannot take a port away before its
# server starts, and konnectivity-server refuses the ports from 49152 on. A few apart: some take the next ones too.
CANDIDATES = range(20_000, 32_000, 4)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; they are all held until the last is found, so that they differ."""
    with ExitStack() as held:
        candidates = iter(random.SystemRandom().sample(CANDIDATES, k=len(CANDIDATES)))
        ports: list[int] = []
        while len(ports) < count:
            listener = held.enter_context(socket.socket())
            try:
                listener.bind((LOOPBACK, port := next(candidates)))
            except OSError:
                continue
            ports.append(port)
        return ports
