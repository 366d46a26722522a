"""Workers join, run pods that find each other, and let them be when they end."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.worker.lab import Lab, Node
from tests.integration.worker.pods import AGNHOST, PORT, connects, pod, service


@pytest.fixture(scope="module")
def nodes(lab: Lab, bundle: Path) -> Iterator[tuple[Node, Node]]:
    """Two workers that are ready and have the images."""
    token = lab.token()
    with ExitStack() as stack:
        both = (lab.node(0, f"--token-file={token}"), lab.node(1, f"--token-file={token}"))
        for node in both:
            node.add_bundle(bundle)
        daemons = [stack.enter_context(node.running()) for node in both]
        for node, daemon in zip(both, daemons, strict=True):
            node.wait_until_ready(daemon)
        lab.wait_for("both nodes are ready", lambda: lab.kubectl("get", "nodes").count(" Ready ") == len(both))
        yield both


@pytest.fixture(scope="module")
def web(lab: Lab, nodes: tuple[Node, Node]) -> Lab:
    """A pod on each node, and a service of each."""
    assert len(nodes) == len(lab.machines)
    lab.apply(pod("web1", node="edge1"), pod("web2", node="edge2"), service("one", "web1"), service("two", "web2"))
    lab.wait_for_pods("app in (web1,web2)", 2)
    return lab


def test_each_node_answers_for_its_own_pods(web: Lab) -> None:
    """Through the tunnel, by the names of the nodes."""
    for name, other in (("web1", "web2"), ("web2", "web1")):
        assert web.kubectl("exec", name, "--", "/agnhost", "help")
        answer = web.kubectl("get", "--raw", f"/api/v1/namespaces/default/pods/{name}:8080/proxy/hostname")
        assert answer == name
        assert "Started HTTP server on port 8080" in web.kubectl("logs", name)
        assert web.kubectl("logs", name) != web.kubectl("logs", other)  # both tell times


def test_pods_find_services_by_name_across_nodes(web: Lab) -> None:
    for name in ("web1", "web2"):
        for address in ("one:80", "two.default:80", "two.default.svc.cluster.local:80", "kubernetes.default:443"):
            assert connects(web, name, address), (name, address)
        assert not connects(web, name, "three:80"), "there is no such service"


def test_services_lead_to_their_pods_through_the_api(web: Lab) -> None:
    answers = [
        web.kubectl("get", "--raw", f"/api/v1/namespaces/default/services/{name}:80/proxy/hostname")
        for name in ("one", "two")
    ]
    assert answers == ["web1", "web2"]


def test_nodes_are_proxied_by_name(web: Lab) -> None:
    """Their names mean nothing on the controller; each tells of its own pods."""
    for node, name in (("edge1", "web1"), ("edge2", "web2")):
        pods = json.loads(web.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/pods"))["items"]
        assert name in {each["metadata"]["name"] for each in pods}
        assert {each["spec"]["nodeName"] for each in pods} == {node}


def test_top_tells_of_nodes_and_pods(web: Lab) -> None:
    def told(*what: str) -> set[str]:
        try:
            return {line.split()[0] for line in web.kubectl("top", *what, "--no-headers").splitlines()}
        except AssertionError:
            return set()  # kubelets were asked once, and use is what two answers differ by

    web.wait_for("nodes are measured", lambda: told("nodes") == {"edge1", "edge2"})
    web.wait_for("pods are measured", lambda: {"web1", "web2"} <= told("pods"))


def test_images_come_from_the_bundle(web: Lab) -> None:
    events = web.get("events", "--field-selector=involvedObject.name=web1,reason=Pulled")["items"]
    assert [event["message"] for event in events] == [
        f'Container image "{AGNHOST}" already present on machine and can be accessed by the pod'
    ]


@pytest.mark.usefixtures("nodes")
def test_policies_hold_between_nodes(lab: Lab) -> None:
    lab.apply(pod("guarded", node="edge1"), pod("guest", node="edge2"))
    lab.wait_for_pods("app in (guarded,guest)", 2)
    address = lab.get("pods", "guarded")["status"]["podIP"]

    def answers() -> bool:
        return connects(lab, "guest", f"{address}:{PORT}")

    lab.wait_for("the pod is open", answers)
    lab.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed"},
            "spec": {"podSelector": {"matchLabels": {"app": "guarded"}}},
        }
    )
    lab.wait_for("the policy holds", lambda: not answers())
    lab.kubectl("delete", "networkpolicy", "closed")
    lab.wait_for("the pod is open again", answers)


def test_the_tunnel_comes_back(web: Lab) -> None:
    """After its server was killed, agents dial again."""
    assert web.kubectl("exec", "web1", "--", "/agnhost", "help")
    for number in web.hub.run("pgrep", "-f", "^konnectivity-server").split():
        web.hub.run("kill", "-9", number)
    web.wait_for("nodes answer again", lambda: connects(web, "web1", "one:80") and connects(web, "web2", "two:80"))
