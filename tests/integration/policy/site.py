"""A node in a network namespace, pods in theirs, and the API server that knows them.

Each pod is at the end of a cable of its own and routed by the node, as the CNI plugin ptp makes it. So are the pods of
other nodes here: what comes from them is forwarded to a pod of this node all the same.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tests.integration.components.ports import LOOPBACK
from tests.integration.components.process import Daemon, running, wait_for
from tests.integration.controller.controller import Controller
from tests.integration.helpers.network import Node, Pod

AGENT = str(Path(__file__).with_name("agent.py"))
HERE, ELSEWHERE = "edge-1", "edge-2"
GATEWAYS = ("10.244.1.1", "fd00:244:1::1")
PORTS = ("tcp/80", "tcp/81", "tcp/8080", "udp/53")
HEALTH_PORT = 10266
TABLES = ("ip", "ip6")
# How long an answer may take, and how long rules may take to be as they shall be.
ANSWER_S, SETTLED_S = 0.7, 30
# Each datagram comes from a port of its own: one from a port of a minute ago would belong to a conversation that may go on.
DATAGRAM_PORTS = range(1024, 32_768)
Spec = Mapping[str, Any]
_ASK_HEALTH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Somebody with addresses, one of each kind, whether the API server knows of it or not."""

    name: str
    namespace: str
    addresses: tuple[str, str]
    net: Pod | None  # None: the node itself

    def targets(self, ports: tuple[str, ...] = PORTS, *, family: int = 0) -> dict[str, str]:
        """Each port by what an agent calls it; `family` chooses the address."""
        return {f"{port.partition('/')[0]}/{self.addresses[family]}/{port.partition('/')[2]}": port for port in ports}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The node with its pods; what a test adds is gone when `reset` has run."""

    controller: Controller
    node: Node
    kubeconfig: Path
    directory: Path
    peers: dict[str, Peer] = field(default_factory=dict)
    datagram_ports: Iterator[int] = field(default_factory=lambda: iter(DATAGRAM_PORTS))

    def kubectl(self, *arguments: str) -> str:
        return self.controller.applied(*arguments)

    def create(self, *objects: Spec) -> None:
        path = self.directory / "objects.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        self.kubectl("apply", f"--filename={path}")

    def policy(self, spec: Spec, *, namespace: str = "x", name: str = "policy") -> None:
        self.create(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": name, "namespace": namespace},
                "spec": spec,
            }
        )

    def connect(self, name: str, number: int, *, node: str = HERE, namespace: str = "") -> Peer:
        """A network namespace with a cable to the node, in which an agent serves."""
        subnet = {HERE: "1", ELSEWHERE: "2"}[node]
        addresses = f"10.244.{subnet}.{number}", f"fd00:244:{subnet}::{number}"
        pod, cable = self.node.pod(name), f"veth-{name}"
        self.node.run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(pod.pid))
        self.node.run("ip", "link", "set", cable, "up")
        self.node.run("ip", "link", "set", "eth0", "up", pod=pod)
        self.node.run("ip", "link", "set", "lo", "up", pod=pod)
        for address, gateway in zip(addresses, GATEWAYS, strict=True):
            bits = str(ip_address(address).max_prefixlen)
            self.node.run("ip", "address", "add", f"{gateway}/{bits}", "dev", cable, "nodad")
            self.node.run("ip", "address", "add", f"{address}/{bits}", "dev", "eth0", "nodad", pod=pod)
            self.node.run("ip", "route", "add", f"{address}/{bits}", "dev", cable)
            self.node.run("ip", "route", "add", f"{gateway}/{bits}", "dev", "eth0", pod=pod)
            self.node.run("ip", "route", "add", "default", "via", gateway, "dev", "eth0", pod=pod)
        peer = Peer(name=name, namespace=namespace, addresses=addresses, net=pod)
        self.serve(peer)
        return peer

    def serve(self, peer: Peer) -> None:
        """An agent answers for it."""
        server = subprocess.Popen(
            self.node.enter(sys.executable, "-I", AGENT, "serve", *PORTS, pod=peer.net), stdout=subprocess.PIPE
        )
        self.node.stack.callback(server.communicate)
        self.node.stack.callback(server.kill)
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        self.peers[peer.name] = peer

    def add_pod(self, name: str, number: int, *, namespace: str, app: str, node: str = HERE) -> Peer:
        """A pod that the API server knows as running, which serves what is named http."""
        peer = self.connect(f"{namespace}-{name}", number, node=node, namespace=namespace)
        self.announce(peer, name, app=app, node=node)
        return peer

    def announce(self, peer: Peer, name: str, *, app: str, node: str = HERE) -> None:
        """Tell the API server of a pod, as the scheduler and the kubelet would."""
        self.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": peer.namespace, "labels": {"app": app}},
                "spec": {
                    "nodeName": node,
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 0,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        {"name": "agent", "image": "agent", "ports": [{"name": "http", "containerPort": 8080}]}
                    ],
                },
            }
        )
        ips, ready = [{"ip": address} for address in peer.addresses], [{"type": "Ready", "status": "True"}]
        running = {"phase": "Running", "podIP": peer.addresses[0], "podIPs": ips, "conditions": ready}
        self.report(peer, name, running)

    def report(self, peer: Peer, name: str, status: Spec) -> None:
        """What the kubelet would tell of a pod."""
        self.kubectl(
            "patch", "pod", name, f"--namespace={peer.namespace}", "--subresource=status", "--type=merge",
            f"--patch={json.dumps({'status': status})}",
        )  # fmt: skip

    def opened(self, client: Peer, server: Peer, *, family: int = 0) -> set[str]:
        """The ports of the server that answer the client."""
        targets = server.targets(family=family)
        argv = (sys.executable, "-I", AGENT, "ask", str(ANSWER_S), str(next(self.datagram_ports)), *targets)
        answered: dict[str, bool] = json.loads(self.node.run(*argv, pod=client.net))
        return {targets[target] for target, answers in answered.items() if answers}

    def expect(self, wanted: Mapping[tuple[str, str], set[str]], *, family: int = 0) -> None:
        """Wait until exactly these ports are open from the first to the second of each pair."""
        give_up_s = time.monotonic() + SETTLED_S
        while True:
            with ThreadPoolExecutor(len(wanted)) as pool:
                asked = {
                    pair: pool.submit(self.opened, self.peers[pair[0]], self.peers[pair[1]], family=family)
                    for pair in wanted
                }
            found = {pair: answer.result() for pair, answer in asked.items()}
            if found == dict(wanted):
                return
            assert time.monotonic() < give_up_s, f"open: {found}\nwanted: {dict(wanted)}\n{self.node.ruleset()}"

    def argv(self, component: str, *arguments: str) -> list[str]:
        """A component on the node, which finds no nft but kedge's own."""
        path = f"PATH={self.node.helpers}/bin"
        return self.node.enter("/usr/bin/env", "-i", path, str(self.controller.place.kedge), component, *arguments)

    @contextmanager
    def enforcing(self, *arguments: str, log: str = "network-policy") -> Iterator[Daemon]:
        """network-policy runs; whether it is ready is another matter."""
        argv = self.argv(
            "network-policy", f"--kubeconfig={self.kubeconfig}", f"--hostname-override={HERE}",
            f"--healthz-bind-address={LOOPBACK}:{HEALTH_PORT}", "--debug", *arguments,
        )  # fmt: skip
        with running(argv, name=log, directory=self.directory) as daemon:
            yield daemon

    def health(self, path: str) -> str:
        """What a probe on the node gets; empty where it is told that something is wrong."""
        url = f"http://{LOOPBACK}:{HEALTH_PORT}/{path}"
        argv = self.node.enter(sys.executable, "-I", "-c", _ASK_HEALTH, url)
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

    def wait_until_ready(self, daemon: Daemon) -> None:
        wait_for(daemon, lambda: self.health("readyz") == "network-policy is ready", what="ready")

    def table(self, family: str) -> str:
        """The table as nft lists it, without counts; empty where there is none."""
        nft = str(self.node.helpers / "bin/nft")
        argv = self.node.enter(nft, "--stateless", "list", "table", family, "kedge-network-policy")
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        give_up_s = time.monotonic() + SETTLED_S
        while not is_so():
            assert time.monotonic() < give_up_s, f"not {what} after {SETTLED_S} s\n{self.node.ruleset()}"
            time.sleep(0.1)

    def reset(self) -> None:
        """No policies any more, and every pod as `furnish` left it."""
        self.kubectl("delete", "networkpolicies", "--all", "--all-namespaces")


def furnish(site: Site) -> None:
    """Two namespaces, two Node objects, three pods here, one elsewhere, and a stranger."""
    for family in "ipv4/ip_forward", "ipv6/conf/all/forwarding":
        site.node.run("/bin/sh", "-c", f"echo 1 > /proc/sys/net/{family}")
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}}}
        for name, team in (("x", "red"), ("y", "blue"))
    ]
    nodes = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} for name in (HERE, ELSEWHERE)]
    site.create(*namespaces, *nodes)
    for namespace in "x", "y":
        site.wait_until(partial(_has_account, site, namespace), "furnished with accounts")
    site.serve(Peer(name="node", namespace="", addresses=GATEWAYS, net=None))
    site.add_pod("web", 2, namespace="x", app="web")
    site.add_pod("api", 3, namespace="x", app="api")
    site.add_pod("api", 4, namespace="y", app="api")
    site.add_pod("far", 2, namespace="x", app="far", node=ELSEWHERE)
    site.connect("stranger", 99, node=ELSEWHERE)


def _has_account(site: Site, namespace: str) -> bool:
    """The controller manager makes it; without it there are no pods."""
    return site.controller.kubectl("get", "serviceaccount", "default", f"--namespace={namespace}").code == 0


def node_kubeconfig(controller: Controller, path: Path) -> Path:
    """The administrator's kubeconfig as the node's: the API server judges each request as the node's own."""
    admin = controller.place.data / "pki" / "admin.conf"
    config = json.loads(controller.applied("config", "view", "--raw", "--output=json", f"--kubeconfig={admin}"))
    config["users"][0]["user"] |= {"as": f"system:node:{HERE}", "as-groups": ["system:nodes"]}
    path.write_text(json.dumps(config))
    return path
