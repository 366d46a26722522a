"""Lets a node in a network namespace reach the API server, which runs outside."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress

from tests.integration.components.ports import LOOPBACK
from tests.integration.helpers.network import Node

SIZE = 1 << 16
# Three for each connection; a client of the API has one or two.
WORKERS = 64
# Listens inside, and hands the socket out: who accepts decides where the connections go.
_LISTEN = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
socket.send_fds(socket.socket(fileno=int(sys.argv[3])), [b"."], [server.fileno()])
"""


@contextmanager
def relayed(node: Node, port: int) -> Iterator[None]:
    """The port of this machine's loopback is on the node's loopback too; at the end all connections are cut."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        argv = node.enter(sys.executable, "-I", "-c", _LISTEN, LOOPBACK, str(port), str(theirs.fileno()))
        subprocess.run(argv, pass_fds=[theirs.fileno()], check=True)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    with socket.socket(fileno=descriptors[0]) as listener, ThreadPoolExecutor(WORKERS) as pool:
        opened: list[socket.socket] = []
        pool.submit(_accept, listener, port, opened, pool)
        yield
        # A close alone does not wake who accepts or receives.
        for one in listener, *opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, opened: list[socket.socket], pool: ThreadPoolExecutor) -> None:
    with suppress(OSError):
        while True:
            inside, _ = listener.accept()
            outside = socket.create_connection((LOOPBACK, port))
            opened += [inside, outside]
            ways = [pool.submit(_copy, inside, outside), pool.submit(_copy, outside, inside)]
            pool.submit(_close, ways, inside, outside)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while said := source.recv(SIZE):
            target.sendall(said)
    for end in source, target:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _close(ways: Sequence[Future[None]], *ends: socket.socket) -> None:
    wait(ways)
    for end in ends:
        end.close()
