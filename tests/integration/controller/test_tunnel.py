"""The API server reaches nodes by their names, through their own agents."""

import json
import ssl
from collections.abc import Iterator

import pytest

from tests.integration.components.process import wait_for
from tests.integration.components.tunnel import GREETING, Agent, Door, greeter, running_agent
from tests.integration.controller.controller import Controller
from tests.integration.controller.nodes import create, joined, node_object, pod_object
from tests.integration.controller.requests import ask, dns, to_connect, to_serve

# A name that the agent's machine, which is this one, can look up, and one that it could, were it asked.
NODE, ABSENT = "localhost", "localhost.localdomain"


@pytest.fixture(scope="module")
def agent(controller: Controller, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """The agent of a node, behind which something serves with the node's certificate in the place of its kubelet."""
    directory = tmp_path_factory.mktemp("agent")
    node = joined(controller, NODE, directory)
    serving = ask(controller, to_serve(NODE, dns(NODE)), *node.identity).write(directory, "serving")
    connecting = ask(controller, to_connect(NODE), *node.identity).write(directory, NODE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(serving.certificate, serving.key)
    door = Door(port=controller.place.agent_port, authority=controller.place.data / "pki" / "ca.crt")
    wait_for(
        controller.daemon, lambda: controller.kubectl("get", "serviceaccount", "default").code == 0, what="settled"
    )
    with (
        greeter(context) as port,
        running_agent(controller.place.kedge, directory, door, connecting, f"host={NODE}") as running,
    ):
        for name in (NODE, ABSENT):
            create(controller, node_object(name))
            status = {
                "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            }
            patch = json.dumps({"status": status})
            controller.applied("patch", "node", name, "--subresource=status", "--type=merge", f"--patch={patch}")
            create(controller, pod_object(f"on-{name}", name))
        running.wait_until_connected()
        yield running


def test_node_is_reached_by_its_name(controller: Controller, agent: Agent) -> None:
    before = agent.dials
    assert controller.applied("logs", f"on-{NODE}") == GREETING.decode()
    assert agent.dials == before + 1


def test_node_without_agent_is_not_reached(controller: Controller, agent: Agent) -> None:
    before = agent.dials
    refused = controller.kubectl("logs", f"on-{ABSENT}")
    assert f'node "{ABSENT}" is not connected' in refused.stderr
    assert agent.dials == before


def test_streams_end_silently(controller: Controller, agent: Agent) -> None:
    before = agent.dials
    for _ in range(5):
        controller.applied("logs", f"on-{NODE}")
    assert agent.dials > before
    assert "failed to write status" not in controller.daemon.log.read_text()
