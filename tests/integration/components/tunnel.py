"""The tunnel's two ends as processes, and what lies behind it."""

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.components.health import OK, get
from tests.integration.components.pki import Authority, KeyPair
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import Daemon, running, wait_for

TIMEOUT_S = 10
GREETING = b"hello from behind the tunnel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where agents connect to, and who signed the certificate that they find there."""

    port: int
    authority: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """The server's end of a tunnel whose agents must show a certificate of the authority."""

    server: Daemon
    server_health: str
    frontend: Path
    door: Door
    authority: Authority


@contextmanager
def running_server(kedge: Path, directory: Path, *, strategies: str = "default") -> Iterator[Tunnel]:
    agent_port, admin_port, health_port = free_ports(3)
    authority = Authority(directory)
    serving = authority.issue("konnectivity-server")
    frontend = directory / "server.sock"
    argv = [
        str(kedge),
        "konnectivity-server",
        # The API server speaks gRPC through this socket; a test can say CONNECT without a library.
        "--mode=http-connect",
        f"--uds-name={frontend}",
        "--server-port=0",
        f"--cluster-cert={serving.certificate}",
        f"--cluster-key={serving.key}",
        f"--cluster-ca-cert={authority.certificate}",
        f"--agent-bind-address={LOOPBACK}",
        f"--agent-port={agent_port}",
        f"--admin-port={admin_port}",
        f"--health-bind-address={LOOPBACK}",
        f"--health-port={health_port}",
        f"--proxy-strategies={strategies}",
    ]
    with running(argv, name="konnectivity-server", directory=directory) as server:
        yield Tunnel(
            server=server,
            server_health=f"http://{LOOPBACK}:{health_port}",
            frontend=frontend,
            door=Door(port=agent_port, authority=authority.certificate),
            authority=authority,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A node's end of the tunnel, and the URL of its health endpoints."""

    daemon: Daemon
    health: str

    def wait_until_connected(self) -> None:
        wait_for(self.daemon, lambda: get(f"{self.health}/readyz").status == OK, what="connected")

    @property
    def dials(self) -> int:
        """How many connections it was asked for."""
        return self.daemon.log.read_text().count("Received DIAL_REQ")


@contextmanager
def running_agent(kedge: Path, directory: Path, door: Door, identity: KeyPair, *declared: str) -> Iterator[Agent]:
    """An agent that shows the certificate `identity`, after which its log is named, and declares identifiers."""
    health_port, admin_port = free_ports(2)
    argv = [
        str(kedge),
        "konnectivity-agent",
        f"--ca-cert={door.authority}",
        f"--agent-cert={identity.certificate}",
        f"--agent-key={identity.key}",
        f"--proxy-server-host={LOOPBACK}",
        f"--proxy-server-port={door.port}",
        f"--health-server-host={LOOPBACK}",
        f"--health-server-port={health_port}",
        f"--admin-bind-address={LOOPBACK}",
        f"--admin-server-port={admin_port}",
        "--agent-id=the-same",
        f"--agent-identifiers={'&'.join(declared)}",
        "--sync-interval=100ms",
    ]
    # The first SIGTERM only makes it drain.
    with running(argv, name=f"agent-{identity.certificate.stem}", directory=directory, terminations=2) as agent:
        yield Agent(daemon=agent, health=f"http://{LOOPBACK}:{health_port}")


class _Greeter(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(OK)
        self.end_headers()
        self.wfile.write(GREETING)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def greeter(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A web server on loopback, as a node's kubelet is one, with TLS by `context`; yields its port."""
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), _Greeter) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class NotConnectedError(Exception):
    """The tunnel did not connect; the message is its answer."""


def fetch_through(frontend: Path, port: int, host: str = LOOPBACK) -> bytes:
    """CONNECT through the tunnel to a port on the agent's side and GET /."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(frontend))
        connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = connection.recv(4096)
        if b" 200 " not in answer.split(b"\r\n")[0]:
            raise NotConnectedError(answer.decode())
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = b""
        while piece := connection.recv(4096):
            received += piece
        return received
