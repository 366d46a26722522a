from pathlib import Path

from tests.integration.components.health import OK, get
from tests.integration.components.pki import Authority
from tests.integration.components.process import wait_for
from tests.integration.components.tunnel import GREETING, fetch_through, greeter, running_agent, running_server


def test_agent_connects_to_server(kedge: Path, tmp_path: Path) -> None:
    with running_server(kedge, tmp_path) as tunnel:
        server = tunnel.server
        wait_for(server, lambda: get(f"{tunnel.server_health}/healthz").status == OK, what="healthy")
        assert get(f"{tunnel.server_health}/readyz").status != OK, "no agent is there yet"
        with running_agent(kedge, tmp_path, tunnel.door, tunnel.authority.issue("edge-1")) as agent:
            wait_for(agent.daemon, lambda: get(f"{agent.health}/healthz").status == OK, what="healthy")
            agent.wait_until_connected()
            wait_for(server, lambda: get(f"{tunnel.server_health}/readyz").status == OK, what="ready")


def test_tunnel_carries_a_request(kedge: Path, tmp_path: Path) -> None:
    with (
        running_server(kedge, tmp_path) as tunnel,
        running_agent(kedge, tmp_path, tunnel.door, tunnel.authority.issue("edge-1")),
        greeter() as port,
    ):
        wait_for(tunnel.server, lambda: get(f"{tunnel.server_health}/readyz").status == OK, what="connected")
        assert GREETING in fetch_through(tunnel.frontend, port)


def test_agent_with_a_foreign_certificate_is_refused(kedge: Path, tmp_path: Path) -> None:
    with running_server(kedge, tmp_path) as tunnel:
        wait_for(tunnel.server, lambda: get(f"{tunnel.server_health}/healthz").status == OK, what="healthy")
        stranger = Authority(tmp_path, "stranger").issue("edge-1")
        with running_agent(kedge, tmp_path, tunnel.door, stranger) as agent:
            wait_for(agent.daemon, lambda: "cannot connect once" in agent.daemon.log.read_text(), what="refused")
            assert get(f"{tunnel.server_health}/readyz").status != OK
