"""A node whose card was stolen: within ten seconds after the controller has the list it is nobody any more."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.app.clusters.nodes import add_nodes, revoke_nodes
from builder.fleet.controller_files import revocations
from builder.fleet.endpoints import Endpoint
from builder.fleet.role import Role
from tests.integration.components.process import clean_environment
from tests.integration.trust import lay_out, make_trust, now
from tests.integration.worker.enrolling import SERVER, Mill
from tests.integration.worker.lab import Node, prepared_lab
from tests.integration.worker.machine import missing
from tests.integration.worker.pods import pod

WITHIN_S = 10
NODE = "field-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thief:
    """Whoever has the node's certificates, and a token of one of its pods."""

    mill: Mill
    node: Node
    token: str

    def argv(self, *arguments: str) -> list[str]:
        file = "--kubeconfig=/var/lib/kedge/worker/node.conf"
        return self.node.machine.inside(self.node.kedge, "kubectl", file, "--request-timeout=5s", *arguments)

    def says(self, *arguments: str) -> str:
        """What kubectl says to the node."""
        return said(self.argv(*arguments))

    def with_token(self) -> str:
        """What the API server says to the pod."""
        url = f"https://{SERVER}:6443/version"
        curl = ["curl", "--silent", "--insecure", "--max-time", "5", "--header", f"Authorization: Bearer {self.token}"]
        return said(self.node.machine.inside(*curl, url))


def said(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, env=clean_environment({}), timeout=30, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def mill(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    if missing():
        pytest.skip(missing())
    cluster, unlocking = make_trust(tmp_path_factory.mktemp("trust"), Endpoint.parse("mill.example.com"))
    add_nodes(cluster, [NODE, "field-2"], Role.WORKER, now=now())

    def prepare(data: Path) -> None:
        lay_out(cluster, unlocking, data)

    with prepared_lab(kedge, tmp_path_factory.mktemp("lab"), (NODE, "field-2"), prepare, {}) as lab:
        yield Mill(lab=lab, cluster=cluster, unlocking=unlocking)


def admin(mill: Mill, *arguments: str) -> str:
    """What kubectl says to the administrator, who may meet a server that just starts."""
    kubeconfig = f"--kubeconfig={mill.lab.hub.data}/pki/admin.conf"
    return said(mill.lab.hub.inside(mill.lab.kedge, "kubectl", kubeconfig, "--request-timeout=5s", *arguments))


def tunnels(mill: Mill, node: str) -> bool:
    """Whether the API server reaches the node."""
    return admin(mill, "get", "--raw", f"/api/v1/nodes/{node}/proxy/healthz") == "ok"


def is_deleted(mill: Mill, node: str) -> bool:
    listed = admin(mill, "get", "nodes")
    return node not in listed and "field-2" in listed


@contextmanager
def watching(thief: Thief) -> Iterator[subprocess.Popen[bytes]]:
    """A watch that the node opened."""
    argv = [one for one in thief.argv("get", "nodes", NODE, "--watch") if "timeout" not in one]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment({})) as watch:
        assert watch.stdout is not None
        watch.stdout.readline()
        assert NODE in watch.stdout.readline().decode()
        yield watch
        watch.kill()


def put(mill: Mill) -> None:
    """Bring the list of revoked credentials to the controller."""
    (mill.lab.hub.data / "pki" / "revoked.json").write_bytes(revocations(mill.cluster.read()))


def within(began_s: float, holds: Callable[[], bool], what: str) -> None:
    while not holds():
        assert time.monotonic() < began_s + WITHIN_S, f"after {WITHIN_S} s it is not so that {what}"
        time.sleep(0.1)


def test_a_revoked_node_is_nobody(mill: Mill) -> None:
    card, other = mill.card(NODE), mill.card("field-2")
    node, bystander = mill.lab.node(0, *card.arguments()), mill.lab.node(1, *other.arguments())
    with node.running() as daemon, bystander.running() as there:
        node.wait_until_ready(daemon)
        bystander.wait_until_ready(there)
        mill.lab.apply(pod("web", node=NODE))
        mill.lab.wait_for("the node is reached", lambda: tunnels(mill, NODE))
        token = mill.lab.kubectl("create", "token", "default", "--bound-object-kind=Pod", "--bound-object-name=web")
        thief = Thief(mill=mill, node=node, token=token.strip())
        assert NODE in thief.says("get", "nodes", NODE)
        assert "gitVersion" in thief.with_token()
        with watching(thief) as watch:
            revoke_nodes(mill.cluster, [NODE], now=now())
            put(mill)
            began_s = time.monotonic()
            within(began_s, lambda: "orbidden" in thief.says("get", "nodes", NODE), "its requests are refused")
            within(began_s, lambda: "gitVersion" not in thief.with_token(), "the tokens of its pods are refused")
            within(began_s, lambda: watch.poll() is not None, "its watches have ended")
            within(began_s, lambda: not tunnels(mill, NODE), "its tunnel is closed")
            within(began_s, lambda: is_deleted(mill, NODE), "its Node is deleted")
        assert "An agent is disconnected" in mill.lab.controller.log.read_text()
        (told,) = mill.events(NODE, "NodeRevoked")
        assert "was revoked" in told
        mill.lab.wait_for("the other is reached", lambda: tunnels(mill, "field-2"))
        assert '"Ready"' in json.dumps(mill.lab.get("node", "field-2"))
    (node.machine.data / "worker" / "node-current.pem").unlink()
    assert "was revoked on" in node.refused()
    assert is_deleted(mill, NODE)

    add_nodes(mill.cluster, [NODE], Role.WORKER, now=now())
    newer = mill.card(NODE, after_s=5)
    taken_back = mill.lab.node(0, *newer.arguments())
    with taken_back.running() as daemon:
        taken_back.wait_until_ready(daemon)
        mill.lab.wait_for("the node is reached again", lambda: tunnels(mill, NODE))
