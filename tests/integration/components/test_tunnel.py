import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.components.health import OK, get
from tests.integration.components.pki import Authority
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import Daemon, running, wait_for

TIMEOUT_S = 10
GREETING = b"hello from behind the tunnel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """The server's end of a tunnel whose agents must show a certificate of the authority."""

    server: Daemon
    server_health: str
    frontend: Path
    agent_port: int
    authority: Authority


@contextmanager
def running_server(kedge: Path, directory: Path) -> Iterator[Tunnel]:
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
        "--proxy-strategies=default",
    ]
    with running(argv, name="konnectivity-server", directory=directory) as server:
        yield Tunnel(
            server=server,
            server_health=f"http://{LOOPBACK}:{health_port}",
            frontend=frontend,
            agent_port=agent_port,
            authority=authority,
        )


@contextmanager
def running_agent(kedge: Path, directory: Path, tunnel: Tunnel, identity: Authority) -> Iterator[tuple[Daemon, str]]:
    """An agent with a certificate of `identity`, and the URL of its health endpoints."""
    health_port, admin_port = free_ports(2)
    certificate = identity.issue("konnectivity-agent")
    argv = [
        str(kedge),
        "konnectivity-agent",
        f"--ca-cert={tunnel.authority.certificate}",
        f"--agent-cert={certificate.certificate}",
        f"--agent-key={certificate.key}",
        f"--proxy-server-host={LOOPBACK}",
        f"--proxy-server-port={tunnel.agent_port}",
        f"--health-server-host={LOOPBACK}",
        f"--health-server-port={health_port}",
        f"--admin-bind-address={LOOPBACK}",
        f"--admin-server-port={admin_port}",
        "--agent-id=edge1",
        "--sync-interval=100ms",
    ]
    # The first SIGTERM only makes it drain.
    with running(argv, name="konnectivity-agent", directory=directory, terminations=2) as agent:
        yield agent, f"http://{LOOPBACK}:{health_port}"


def test_agent_connects_to_server(kedge: Path, tmp_path: Path) -> None:
    with running_server(kedge, tmp_path) as tunnel:
        server = tunnel.server
        wait_for(server, lambda: get(f"{tunnel.server_health}/healthz").status == OK, what="healthy")
        assert get(f"{tunnel.server_health}/readyz").status != OK, "no agent is there yet"
        with running_agent(kedge, tmp_path, tunnel, tunnel.authority) as (agent, agent_health):
            wait_for(agent, lambda: get(f"{agent_health}/healthz").status == OK, what="healthy")
            wait_for(agent, lambda: get(f"{agent_health}/readyz").status == OK, what="connected")
            wait_for(server, lambda: get(f"{tunnel.server_health}/readyz").status == OK, what="ready")


def test_tunnel_carries_a_request(kedge: Path, tmp_path: Path) -> None:
    with (
        running_server(kedge, tmp_path) as tunnel,
        running_agent(kedge, tmp_path, tunnel, tunnel.authority),
        greeter() as port,
    ):
        wait_for(tunnel.server, lambda: get(f"{tunnel.server_health}/readyz").status == OK, what="connected")
        assert GREETING in fetch_through(tunnel.frontend, port)


def test_agent_with_a_foreign_certificate_is_refused(kedge: Path, tmp_path: Path) -> None:
    with running_server(kedge, tmp_path) as tunnel:
        wait_for(tunnel.server, lambda: get(f"{tunnel.server_health}/healthz").status == OK, what="healthy")
        with running_agent(kedge, tmp_path, tunnel, Authority(tmp_path, "stranger")) as (agent, _):
            wait_for(agent, lambda: "failed to connect" in agent.log.read_text(), what="refused")
            assert get(f"{tunnel.server_health}/readyz").status != OK


class _Greeter(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(OK)
        self.end_headers()
        self.wfile.write(GREETING)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def greeter() -> Iterator[int]:
    """A web server on loopback, as a node's kubelet is one; yields its port."""
    with http.server.HTTPServer((LOOPBACK, 0), _Greeter) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def fetch_through(frontend: Path, port: int) -> bytes:
    """CONNECT through the tunnel to a port on the agent's side and GET /."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(frontend))
        connection.sendall(f"CONNECT {LOOPBACK}:{port} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\n\r\n".encode())
        answer = connection.recv(4096)
        if b" 200 " not in answer.split(b"\r\n")[0]:
            pytest.fail(f"the tunnel answered {answer!r}")
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = b""
        while piece := connection.recv(4096):
            received += piece
        return received
