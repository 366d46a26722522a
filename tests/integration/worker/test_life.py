"""What a worker does with its machine over time: ends, comes back, gets other images, another address."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.integration.components.process import Daemon
from tests.integration.worker.lab import NETWORK, Lab, Node
from tests.integration.worker.pods import AGNHOST, connects, pod


def container(lab: Lab, name: str) -> tuple[str, int, str]:
    """The container of a pod, how often it was started, and the pod's address."""
    status: dict[str, Any] = lab.get("pod", name)["status"]
    (only,) = status["containerStatuses"]
    return only["containerID"], only["restartCount"], status["podIP"]


def executes(lab: Lab, name: str) -> bool:
    """Whether commands can be run in a pod."""
    with suppress(AssertionError):
        return bool(lab.kubectl("exec", name, "--", "/agnhost", "help"))
    return False


def test_a_node_comes_back_without_its_token_and_with_its_containers(lab: Lab, bundle: Path) -> None:
    token = lab.token()
    node = lab.node(0, f"--token-file={token}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.apply(pod("stays", node="edge1"))
        lab.wait_for_pods("app=stays")
        before = container(lab, "stays")
    token.unlink()
    assert "agnhost" in node.machine.run("ps", "-eo", "args"), "the pod ended with kedge"
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.wait_for_pods("app=stays")
        lab.wait_for("its pods answer", lambda: executes(lab, "stays"))
        assert container(lab, "stays") == before
        another_address(lab, node)
        images_come_and_go(node, bundle)


def another_address(lab: Lab, node: Node) -> None:
    """As a lease of DHCP may bring it."""

    def reported() -> list[str]:
        addresses = lab.get("node", "edge1")["status"]["addresses"]
        return [one["address"] for one in addresses if one["type"] == "InternalIP"]

    assert reported() == [f"{NETWORK}.11"]
    node.machine.address("eth0", f"{NETWORK}.77/24")
    node.machine.run("ip", "addr", "del", f"{NETWORK}.11/24", "dev", "eth0")
    node.machine.run("ip", "addr", "replace", f"{NETWORK}.77/24", "dev", "eth0")
    node.machine.run("ip", "route", "replace", "default", "via", f"{NETWORK}.1")
    lab.wait_for("the node has its new address", lambda: reported() == [f"{NETWORK}.77"])
    lab.wait_for("its pods answer", lambda: executes(lab, "stays"))


def images_come_and_go(node: Node, bundle: Path) -> None:
    """A bundle that is taken away is not needed any more: its images may be removed to make room."""

    def pinned() -> bool:
        listed = node.machine.run(
            node.kedge, "ctr", "--address=/run/kedge/containerd.sock", "-n", "k8s.io", "image", "ls"
        )
        (line,) = (line for line in listed.splitlines() if line.startswith(AGNHOST))
        return "io.cri-containerd.pinned=pinned" in line

    assert pinned()
    (node.machine.data / "images" / bundle.name).unlink()
    node.wait_for(lambda: not pinned(), what="unpinned")
    node.add_bundle(bundle)
    node.wait_for(pinned, what="pinned again")


def test_pods_go_on_when_components_are_killed(lab: Lab, bundle: Path) -> None:
    """One after the other, and kedge itself in the end."""
    node = lab.node(1, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.apply(pod("goes-on", node="edge2"))
        lab.wait_for_pods("app=goes-on")
        before = container(lab, "goes-on")
        processes = node.pids()
        network = {"kube-proxy", "flanneld", "network-policy", "coredns", "konnectivity-agent"}
        assert {name for name, pid in processes.items() if pid == processes["node-network"]} == {
            "node-network",
            *network,
        }
        for name in ("containerd", "kubelet", "node-network"):
            _kill(node, name, daemon)
            assert set(node.pids()) == set(processes)
            lab.wait_for(f"pods answer after {name} was killed", lambda: executes(lab, "goes-on"))
            assert connects(lab, "goes-on", "kubernetes.default:443"), name
            assert container(lab, "goes-on") == before
        node.machine.run("kill", "-9", str(node.status()["pid"]))
        node.wait_for(lambda: not daemon.alive, what="gone")
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        lab.wait_for("pods answer after kedge was killed", lambda: executes(lab, "goes-on"))
        assert container(lab, "goes-on") == before


def _kill(node: Node, name: str, daemon: Daemon) -> None:
    """Kill a component's process and wait until another one serves, and with it the whole node."""
    killed = node.pids()[name]
    node.machine.run("kill", "-9", str(killed))
    node.wait_for(lambda: node.pids().get(name, killed) != killed, what=f"running {name} again", daemon=daemon)
    node.wait_until_ready(daemon)
