"""A worker goes on without its controller, starts without it, and is right again soon after it is back."""

import json
import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.components.process import Daemon
from tests.integration.worker.lab import Lab, Node
from tests.integration.worker.pods import connects, pod, service
from tests.integration.worker.separated import APPS, CTR, INSIDE, cable, objects, running_containers, started_again

_LOG = logging.getLogger(__name__)
RIGHT_S = 30  # how soon what the cluster knows must be right after the controller is back
DAY_S = 24 * 60 * 60
ORDERS_S = 60  # how soon what was ordered meanwhile must be done
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def seen_by_cluster(lab: Lab) -> dict[str, tuple[str, str, bool]]:
    """Of each pod: its UID, its container, and whether it is ready."""
    found = {}
    for one in lab.get("pods")["items"]:
        (only,) = one["status"].get("containerStatuses", [{}])
        found[one["metadata"]["labels"]["app"]] = (
            one["metadata"]["uid"],
            only.get("containerID", ""),
            bool(only.get("ready")),
        )
    return found


def connects_inside(node: Node, app: str, address: str) -> bool:
    """Whether a pod can open a connection, without asking the cluster."""
    container = running_containers(node).get(app, "").removeprefix("containerd://")
    identity = f"test-{time.monotonic_ns()}"
    try:
        command = ("/agnhost", "connect", "--timeout=3s", address)
        node.machine.run(node.kedge, *CTR, "tasks", "exec", f"--exec-id={identity}", container, *command)
    except AssertionError:
        return False
    return True


def volume(node: Node, uid: str, kind: str, name: str, file: str) -> str:
    """What a file in a pod's volume has."""
    return node.machine.run("cat", f"/var/lib/kedge/kubelet/pods/{uid}/volumes/kubernetes.io~{kind}/{name}/{file}")


def in_contact(node: Node) -> bool:
    return bool(node.status().get("node", {}).get("contact"))


@pytest.fixture(scope="module")
def node(lab: Lab, bundle: Path) -> Node:
    joining = lab.node(0, f"--token-file={lab.token()}")
    joining.add_bundle(bundle)
    return joining


def expect(what: str, timeout_s: float, holds: Callable[[], bool], lab: Lab, daemon: Daemon) -> float:
    """How long it took until it held."""
    begin_s = time.monotonic()
    while not holds():
        if time.monotonic() > begin_s + timeout_s:
            seen = lab.kubectl("get", "nodes,pods,events", "--all-namespaces")
            raise AssertionError(daemon.report(f"after {timeout_s} s it is not so that {what}\n{seen}"))
        time.sleep(0.5)
    return time.monotonic() - begin_s


def is_right(lab: Lab, pods: dict[str, tuple[str, str, bool]]) -> bool:
    """Whether the cluster knows these pods as they are, all ready, on a node that is."""
    return seen_by_cluster(lab) == pods and " Ready " in lab.kubectl("get", "node", "edge1")


def test_a_machine_that_starts_without_its_controller(lab: Lab, node: Node) -> None:
    """A power cut with the cable out: everything runs again, and later the cluster agrees."""
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        assert in_contact(node)
        begin_s = time.monotonic()
        lab.apply(*objects())
        lab.wait_for("all pods are ready", lambda: ready_apps(lab) == set(APPS))
        usual_s = time.monotonic() - begin_s
        before = seen_by_cluster(lab)
        assert connects_inside(node, "caller", "called:80")
        time.sleep(6)  # what was seen is on the disk after five
        cable(lab, "down")
        with started_again(lab, node, "down") as again, again.running() as alone:
            took_s = expect("all pods run again", 120, lambda: set(running_containers(again)) == set(APPS), lab, alone)
            _LOG.info("first start of the pods %.1f s, of kedge and them alone %.1f s", usual_s, took_s)
            assert not in_contact(again)
            goes_on_by_itself(again, before, daemon, lab)
            containers = running_containers(again)
            cable(lab, "up")
            right = {app: (before[app][0], containers[app], True) for app in APPS}
            took_s = expect("the cluster knows it", RIGHT_S, lambda: is_right(lab, right), lab, alone)
            _LOG.info("right after %.1f s", took_s)
            assert running_containers(again) == containers
            assert in_contact(again)
            lab.kubectl("delete", "deployments,daemonsets", "--all")


def ready_apps(lab: Lab) -> set[str]:
    return {app for app, (_, _, ready) in seen_by_cluster(lab).items() if ready}


def goes_on_by_itself(node: Node, pods: dict[str, tuple[str, str, bool]], daemon: Daemon, lab: Lab) -> None:
    """Names, services and volumes are there without a controller."""
    for address in ("called:80", "called.default.svc.cluster.local:80"):
        expect(f"{address} answers", 30, partial(connects_inside, node, "caller", address), lab, daemon)
    assert not connects_inside(node, "caller", "absent:80"), "there is no such service"
    uid = pods["caller"][0]
    assert volume(node, uid, "secret", "secret", "key") == INSIDE
    assert volume(node, uid, "configmap", "config", "key") == "told"
    assert volume(node, uid, "projected", "token", "token").count(".") == 2


def test_a_cable_that_is_out_for_a_while(lab: Lab, bundle: Path) -> None:
    """Long enough to be noticed: nothing starts again, and orders that were given meanwhile are carried out."""
    node = lab.node(1, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.apply(*[pod(name, node="edge2") for name in ("stays", "goes")], service("stays", "stays"))
        lab.wait_for_pods("app in (stays,goes)", 2)
        lab.wait_for("the pods find each other", lambda: connects(lab, "goes", "stays:80"))
        before = {app: seen_by_cluster(lab)[app] for app in ("stays", "goes")}
        assert tolerated(lab, "stays") == {f"node.kubernetes.io/{why}": DAY_S for why in ("not-ready", "unreachable")}
        assert told_to_pods(node)["contact"] is True
        lab.hub.run("ip", "link", "set", "to-edge2", "down")
        expect("the node notices", 40, lambda: not in_contact(node), lab, daemon)
        expect("the cluster notices", 90, lambda: "NotReady" in lab.kubectl("get", "node", "edge2"), lab, daemon)
        assert connects_inside(node, "goes", "stays:80")
        assert connects_inside(node, "goes", "kubernetes.default:10266"), "no pod can ask whether there is contact"
        assert told_to_pods(node)["contact"] is False
        lab.kubectl("delete", "pod", "goes", "--wait=false")
        lab.apply(pod("comes", node="edge2"))
        lab.hub.run("ip", "link", "set", "to-edge2", "up")
        right_s = expect("the node is ready", RIGHT_S, lambda: is_ready(lab, "edge2"), lab, daemon)
        orders_s = expect("orders are done", ORDERS_S, lambda: apps_on(lab, "edge2") == {"stays", "comes"}, lab, daemon)
        _LOG.info("ready after %.1f s, orders done %.1f s later", right_s, orders_s)
        assert seen_by_cluster(lab)["stays"] == before["stays"]
        assert running_containers(node)["stays"] == before["stays"][1]
        events = lab.get("events", "--field-selector=involvedObject.name=stays,reason=TaintManagerEviction")["items"]
        # That an eviction is called off is told, too.
        assert [one["message"] for one in events if one["message"].startswith("Marking for deletion")] == []


def told_to_pods(node: Node) -> dict[str, Any]:
    """What a pod is told of the contact, over its own network."""
    container = running_containers(node)["goes"].removeprefix("containerd://")
    (task,) = (line for line in node.machine.run(node.kedge, *CTR, "tasks", "ls").splitlines() if container in line)
    within = ("nsenter", f"--target={task.split()[1]}", "--net")
    answer: dict[str, Any] = json.loads(
        node.machine.run(*within, sys.executable, "-c", ASK, "http://10.96.0.1:10266/contact")
    )
    return answer


def tolerated(lab: Lab, name: str) -> dict[str, int]:
    """How long a pod stays on a node that is not as it should be, in seconds."""
    return {one["key"]: one["tolerationSeconds"] for one in lab.get("pod", name)["spec"]["tolerations"]}


def is_ready(lab: Lab, name: str) -> bool:
    return " Ready " in lab.kubectl("get", "node", name)


def apps_on(lab: Lab, name: str) -> set[str]:
    """The pods of a node that are ready, and none besides."""
    pods = lab.get("pods", f"--field-selector=spec.nodeName={name}")["items"]
    ready = {
        one["metadata"]["labels"]["app"]: seen_by_cluster(lab)[one["metadata"]["labels"]["app"]][2] for one in pods
    }
    return set(ready) if all(ready.values()) else set()
