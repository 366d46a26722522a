"""Agents speak for the node in their certificate alone, and what is meant for a node goes to nobody else.

All agents are on this machine and would reach the same greeter: `localhost` is a node whose name every one can look up.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.components.health import OK, get
from tests.integration.components.ports import LOOPBACK
from tests.integration.components.process import wait_for
from tests.integration.components.tunnel import (
    GREETING,
    Agent,
    NotConnectedError,
    Tunnel,
    fetch_through,
    greeter,
    running_agent,
    running_server,
)

NODE = "localhost"
OTHER = "edge-b"
OFTEN = 8  # a choice among two agents at random would take the wrong one once


@pytest.fixture
def tunnel(kedge: Path, tmp_path: Path) -> Iterator[Tunnel]:
    """The server as a controller starts it."""
    with running_server(kedge, tmp_path, strategies="destHost,default") as tunnel:
        wait_for(tunnel.server, lambda: get(f"{tunnel.server_health}/healthz").status == OK, what="healthy")
        yield tunnel


@pytest.fixture
def agents(kedge: Path, tmp_path: Path, tunnel: Tunnel) -> Iterator[dict[str, Agent]]:
    """Agents of two nodes that are connected; they chose the same ID."""
    with ExitStack() as stack:
        started = {}
        for name in (NODE, OTHER):
            identity = tunnel.authority.issue(name)
            connecting = running_agent(kedge, tmp_path, tunnel.door, identity, f"host={name}")
            started[name] = stack.enter_context(connecting)
        for agent in started.values():
            agent.wait_until_connected()
        yield started


def test_streams_to_a_node_are_its_own_agents(tunnel: Tunnel, agents: dict[str, Agent]) -> None:
    with greeter() as port:
        for _ in range(OFTEN):
            assert GREETING in fetch_through(tunnel.frontend, port, NODE)
    assert agents[NODE].dials == OFTEN
    assert agents[OTHER].dials == 0


def test_address_is_reached_through_any_agent(tunnel: Tunnel, agents: dict[str, Agent]) -> None:
    with greeter() as port:
        assert GREETING in fetch_through(tunnel.frontend, port, LOOPBACK)
    assert agents[NODE].dials + agents[OTHER].dials == 1


def test_node_without_agent_is_reached_through_nobody(kedge: Path, tmp_path: Path, tunnel: Tunnel) -> None:
    identity = tunnel.authority.issue(OTHER)
    with greeter() as port, running_agent(kedge, tmp_path, tunnel.door, identity, f"host={OTHER}") as other:
        other.wait_until_connected()
        with pytest.raises(NotConnectedError, match=f'node "{NODE}" is not connected'):
            fetch_through(tunnel.frontend, port, NODE)
        assert other.dials == 0


@pytest.mark.parametrize(
    "declared", [f"host={NODE}", f"host={OTHER}&host={NODE}", f"ipv4={LOOPBACK}", "default-route=true"]
)
def test_agent_that_claims_more_than_its_name_is_refused(
    kedge: Path, tmp_path: Path, tunnel: Tunnel, declared: str
) -> None:
    identity = tunnel.authority.issue(OTHER)
    with greeter() as port, running_agent(kedge, tmp_path, tunnel.door, identity, declared) as liar:
        wait_for(liar.daemon, lambda: "An agent is refused" in tunnel.server.log.read_text(), what="refused")
        assert get(f"{liar.health}/readyz").status != OK
        with pytest.raises(NotConnectedError):
            fetch_through(tunnel.frontend, port, NODE)
        assert liar.dials == 0


def test_stream_ends_with_the_certificate(kedge: Path, tmp_path: Path, tunnel: Tunnel) -> None:
    identity = tunnel.authority.issue(NODE, validity=dt.timedelta(seconds=8))
    with running_agent(kedge, tmp_path, tunnel.door, identity, f"host={NODE}") as agent:
        agent.wait_until_connected()
        wait_for(tunnel.server, lambda: get(f"{tunnel.server_health}/readyz").status != OK, what="left by the agent")
        assert "certificate has expired" in tunnel.server.log.read_text()


def test_renewed_certificate_is_used_when_the_old_one_ends(kedge: Path, tmp_path: Path, tunnel: Tunnel) -> None:
    identity = tunnel.authority.issue(NODE, validity=dt.timedelta(seconds=8))
    with greeter() as port, running_agent(kedge, tmp_path, tunnel.door, identity, f"host={NODE}") as agent:
        agent.wait_until_connected()
        assert tunnel.authority.issue(NODE) == identity, "the files are replaced"
        log = tunnel.server.log
        wait_for(tunnel.server, lambda: "certificate has expired" in log.read_text(), what="done with the old one")
        wait_for(tunnel.server, lambda: get(f"{tunnel.server_health}/readyz").status == OK, what="connected again")
        assert GREETING in fetch_through(tunnel.frontend, port, NODE)
