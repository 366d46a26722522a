"""Runs flannel in a network namespace that holds nothing else: `python -m ... KEDGE DIRECTORY NFT IP`.

flannel makes routes and packet filter rules. In a namespace of its own they are gone with it, and the host's are not touched.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.components.controlplane import PODS, ControlPlane, running_control_plane
from tests.integration.components.health import OK, get
from tests.integration.components.invoke import invoke
from tests.integration.components.node import Reported, make_node
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import STOP_TIMEOUT_S, Daemon, running, wait_for

INTERFACE = "edge0"
OWN, OTHER = "192.0.2.10", "192.0.2.11"
OWN_PODS, OTHER_PODS = "10.244.1.0/24", "10.244.2.0/24"
PREFIX = "flannel.alpha.coreos.com"
# What flannel on the other node would have written to its Node.
OTHER_LEASE = {
    f"{PREFIX}/backend-data": "null",
    f"{PREFIX}/backend-type": "host-gw",
    f"{PREFIX}/kube-subnet-manager": "true",
    f"{PREFIX}/public-ip": OTHER,
}
SUBNET_FILE = {
    "FLANNEL_NETWORK": PODS,
    "FLANNEL_SUBNET": "10.244.1.1/24",
    "FLANNEL_MTU": "1500",
    "FLANNEL_IPMASQ": "true",
}


def main(kedge: Path, directory: Path, nft: Path, ip: Path) -> None:
    """Return when flannel has joined, followed another node that came and went, and ended in order."""
    for command in (
        ["link", "set", "lo", "up"],
        ["link", "add", INTERFACE, "type", "veth", "peer", "name", "cable"],
        ["address", "add", f"{OWN}/24", "dev", INTERFACE],
        ["link", "set", INTERFACE, "up"],
        ["link", "set", "cable", "up"],
    ):
        subprocess.run([ip, *command], check=True)
    with running_control_plane(kedge, directory / "cp") as plane:
        make_node(plane, "edge1", Reported(address=OWN, pod_network=OWN_PODS))
        (healthz,) = free_ports(1)
        url = f"http://{LOOPBACK}:{healthz}"
        environment = {"PATH": str(nft.parent), "NODE_NAME": "edge1", "FLANNELD_IP_MASQ": "true"}
        argv = _argv(kedge, directory, plane, healthz)
        with running(argv, name="flanneld", directory=directory, environment=environment) as daemon:
            wait_for(daemon, lambda: get(f"{url}/readyz").status == OK, what="ready")
            assert get(f"{url}/healthz").status == OK
            _look_at_the_node(plane, directory, nft)
            _follow_another_node(kedge, plane, daemon, ip)
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(timeout=STOP_TIMEOUT_S) == 0, daemon.report("did not end in order")


def _argv(kedge: Path, directory: Path, plane: ControlPlane, healthz: int) -> list[str]:
    network = {"Network": PODS, "EnableNFTables": True, "Backend": {"Type": "host-gw"}}
    configuration = directory / "net-conf.json"
    configuration.write_text(json.dumps(network))
    return [
        *(str(kedge), "flanneld"),
        f"--kubeconfig-file={plane.kubeconfig}",
        f"--net-config-path={configuration}",
        f"--subnet-file={directory}/subnet.env",
        f"--iface={INTERFACE}",
        f"--healthz-ip={LOOPBACK}",
        f"--healthz-port={healthz}",
    ]


def _look_at_the_node(plane: ControlPlane, directory: Path, nft: Path) -> None:
    """The subnet file, the packet filter's tables and rules, and the lease on the Node."""
    lines = (directory / "subnet.env").read_text().splitlines()
    assert dict(line.split("=", 1) for line in lines) == SUBNET_FILE
    rules = subprocess.run(
        [nft, "list", "table", "ip", "flannel-ipv4"], capture_output=True, text=True, check=True
    ).stdout
    assert f"ip saddr {PODS} accept" in rules
    assert f"ip saddr {PODS} ip daddr != 224.0.0.0/4 masquerade" in rules
    node = json.loads(get(f"{plane.api_url}/api/v1/nodes/edge1", plane.trust).text)
    annotations = node["metadata"]["annotations"]
    assert {name: annotations.get(name) for name in OTHER_LEASE} == {**OTHER_LEASE, f"{PREFIX}/public-ip": OWN}


def _follow_another_node(kedge: Path, plane: ControlPlane, daemon: Daemon, ip: Path) -> None:
    route = f"{OTHER_PODS} via {OTHER} dev {INTERFACE}"
    make_node(plane, "edge2", Reported(address=OTHER, pod_network=OTHER_PODS, annotations=OTHER_LEASE))
    wait_for(daemon, lambda: route in _routes(ip), what="routing to the other node")
    kubectl = ("kubectl", f"--kubeconfig={plane.kubeconfig}")
    deleted = invoke(kedge, *kubectl, "delete", "node", "edge2", directory=plane.kubeconfig.parent)
    assert deleted.code == 0, deleted.stderr
    wait_for(daemon, lambda: route not in _routes(ip), what="rid of the route to the other node")


def _routes(ip: Path) -> str:
    return subprocess.run([ip, "route"], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
