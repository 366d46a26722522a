"""Workers join, run pods that find each other, and let them be when they end."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.integration.worker.lab import Lab, Node
from tests.integration.worker.pods import AGNHOST, PORT, pod, service

HTTP_S = "5"


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


def fetch(lab: Lab, name: str, url: str) -> str:
    """What an HTTP server answers the pod `name`."""
    return lab.kubectl("exec", name, "--", "/agnhost", "connect", "--timeout=5s", url)


def test_pods_of_both_nodes_answer_through_a_service(lab: Lab, nodes: tuple[Node, Node]) -> None:
    lab.apply(pod("web1", node="edge1"), pod("web2", node="edge2"), service("one", "web1"), service("two", "web2"))
    lab.wait_for_pods("app in (web1,web2)", 2)
    answers = {
        lab.kubectl("get", "--raw", f"/api/v1/namespaces/default/services/{name}:80/proxy/hostname") for name in ("one", "two")
    }
    assert answers == {"web1", "web2"}


def test_images_come_from_the_bundle(lab: Lab, nodes: tuple[Node, Node]) -> None:
    lab.apply(pod("present", node="edge1"))
    lab.wait_for_pods("app=present")
    events = lab.get("events", "--field-selector=involvedObject.name=present,reason=Pulled")["items"]
    assert [event["message"] for event in events] == [
        f'Container image "{AGNHOST}" already present on machine and can be accessed by the pod'
    ]


@pytest.mark.usefixtures("nodes")
def test_policies_hold_between_nodes(lab: Lab) -> None:
    lab.apply(pod("guarded", node="edge1"), pod("guest", node="edge2"))
    lab.wait_for_pods("app in (guarded,guest)", 2)
    address = lab.get("pods", "guarded")["status"]["podIP"]

    def answers() -> bool:
        with suppress(AssertionError):
            lab.kubectl("exec", "guest", "--", "/agnhost", "connect", "--timeout=2s", f"{address}:{PORT}")
            return True
        return False

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
