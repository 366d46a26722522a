"""Runs in a pod's network, with nothing but the standard library.

agent.py serve tcp/80 udp/53 ...            echo what comes; says "ready" when all ports are open
agent.py ask SECONDS PORT tcp/10.244.1.2/80 ...  one JSON object: whether each answers within the time; datagrams come from PORT
agent.py hold tcp/10.244.1.2/80             one connection: sends each line of standard input, prints what comes back
"""

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
SIZE = 1024
PATIENCE_S = 3


def _echo_connections(server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    while said := connection.recv(SIZE):
        connection.sendall(said)


def _echo_datagrams(server: socket.socket) -> None:
    while True:
        said, sender = server.recvfrom(SIZE)
        server.sendto(said, sender)


def serve(*ports: str) -> None:
    """Both kinds of addresses, until the process is ended."""
    for port in ports:
        protocol, _, number = port.partition("/")
        server = socket.socket(socket.AF_INET6, KINDS[protocol])
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", int(number)))
        if protocol == "udp":
            target = _echo_datagrams
        else:
            server.listen()
            target = _echo_connections
        threading.Thread(target=target, args=(server,), daemon=True).start()
    _say("ready")
    threading.Event().wait()


def _connect(target: str, timeout_s: float, *, datagrams_from: int = 0) -> socket.socket:
    protocol, address, port = target.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = socket.socket(family, KINDS[protocol])
    client.settimeout(timeout_s)
    if protocol == "udp":
        client.bind(("", datagrams_from))
    client.connect((address, int(port)))
    return client


def answers(target: str, timeout_s: float, datagrams_from: int) -> bool:
    """Whether what is sent to the target comes back."""
    try:
        with _connect(target, timeout_s, datagrams_from=datagrams_from) as client:
            client.sendall(b"ping")
            return client.recv(SIZE) == b"ping"
    except OSError:
        return False


def ask(timeout_s: str, datagrams_from: str, *targets: str) -> None:
    """All targets at once."""
    with ThreadPoolExecutor(len(targets)) as pool:
        results = pool.map(lambda target: answers(target, float(timeout_s), int(datagrams_from)), targets)
        _say(json.dumps(dict(zip(targets, results, strict=True))))


def hold(target: str) -> None:
    """One connection as long as standard input is open."""
    with _connect(target, PATIENCE_S) as client:
        _say("connected")
        for line in sys.stdin.buffer:
            client.sendall(line)
            _say(client.recv(SIZE).decode().strip())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


COMMANDS: Mapping[str, Callable[..., None]] = {"serve": serve, "ask": ask, "hold": hold}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
