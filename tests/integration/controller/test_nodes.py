"""What a machine may that has a token, and one that is a node: a stolen one harms nobody but itself."""

import datetime as dt
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from tests.integration.components.pki import Authority
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller
from tests.integration.controller.nodes import Node, create, joined, node_object, pod_object, token
from tests.integration.controller.requests import (
    SERVER,
    Wish,
    address,
    ask,
    dns,
    is_signed_by,
    to_be,
    to_connect,
    to_serve,
)

NODE, OTHER = "edge-1", "edge-2"
LONGEST = dt.timedelta(days=30)


@pytest.fixture(scope="module")
def node(controller: Controller, tmp_path_factory: pytest.TempPathFactory) -> Node:
    """A node that joined with a token. It has a neighbour, and each a pod with a secret."""
    wait_for(
        controller.daemon, lambda: controller.kubectl("get", "serviceaccount", "default").code == 0, what="settled"
    )
    for name in (NODE, OTHER):
        create(controller, node_object(name))
        controller.applied("create", "secret", "generic", f"of-{name}", "--from-literal=key=value")
        create(controller, pod_object(f"on-{name}", name, secret=f"of-{name}"))
    return joined(controller, NODE, tmp_path_factory.mktemp("node"))


def test_node_gets_the_certificate_of_its_agent(controller: Controller, node: Node) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    verdict = ask(controller, to_connect(NODE), *node.identity)
    assert verdict.kind == "Approved", verdict.message
    certificate = x509.load_pem_x509_certificate(verdict.certificate)
    assert certificate.subject.rfc4514_string() == f"CN={NODE}"
    assert is_signed_by(verdict.certificate, controller.place.data / "pki" / "konnectivity-ca.crt")
    assert before <= certificate.not_valid_after_utc - LONGEST <= dt.datetime.now(dt.UTC)
    short = ask(controller, replace(to_connect(NODE), lasts_s=3600), *node.identity)
    lasts = x509.load_pem_x509_certificate(short.certificate).not_valid_after_utc - before
    assert lasts < dt.timedelta(hours=2)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (to_connect(OTHER), "it is for"),
        (replace(to_connect(NODE), organization="system:nodes"), "it is for"),
        (replace(to_connect(NODE), names=[dns(NODE)]), "its DNS names are"),
        (replace(to_connect(NODE), names=[address("10.0.2.15")]), "it has addresses"),
        (replace(to_connect(NODE), usages=[SERVER]), "its usages lack"),
        (replace(to_connect(NODE), usages=["client auth", "cert sign"]), "its usages have"),
        (to_serve(NODE, dns(OTHER)), "its DNS names are"),
    ],
)
def test_node_gets_no_certificate_of_another(controller: Controller, node: Node, wish: Wish, reason: str) -> None:
    verdict = ask(controller, wish, *node.identity)
    assert verdict.kind == "Denied"
    assert reason in verdict.message
    assert verdict.certificate == b""


@pytest.mark.parametrize("wish", [to_serve(OTHER, dns(OTHER)), to_be(OTHER)])
def test_node_cannot_even_ask_to_be_another(controller: Controller, node: Node, wish: Wish) -> None:
    with pytest.raises(AssertionError, match="can only create a node CSR with CN=system:node:edge-1"):
        ask(controller, wish, *node.identity)


def test_only_nodes_get_certificates_of_agents(controller: Controller, tmp_path: Path) -> None:
    bearer = f"--kubeconfig={token(controller, tmp_path / 'token')}"
    for identity in ((), (bearer,)):
        verdict = ask(controller, to_connect(NODE), *identity)
        assert verdict.kind == "Denied"
        assert "is no node" in verdict.message


def test_node_reads_the_secrets_of_its_own_pods(controller: Controller, node: Node) -> None:
    wait_for(controller.daemon, lambda: node.kubectl("get", "secret", f"of-{NODE}").code == 0, what="known")
    refused = node.kubectl("get", "secret", f"of-{OTHER}")
    assert "no relationship found between node 'edge-1' and this object" in refused.stderr
    assert "forbidden" in node.kubectl("get", "secrets", "--all-namespaces").stderr.lower()


def test_node_changes_itself_alone(node: Node) -> None:
    assert node.kubectl("annotate", "node", NODE, "told=by-itself").code == 0
    for change in (
        ("annotate", "node", OTHER, "told=by-another"),
        ("delete", "node", OTHER),
        ("delete", "pod", f"on-{OTHER}"),
        ("label", "node", NODE, "node-restriction.kubernetes.io/trusted=yes"),
        ("taint", "node", NODE, "mine=yes:NoSchedule"),
        ("create", "clusterrolebinding", "mine", "--clusterrole=cluster-admin", f"--user=system:node:{NODE}"),
        ("create", "token", "default", "--namespace=kube-system"),
    ):
        refused = node.kubectl(*change)
        assert refused.code != 0, change
        assert "forbidden" in refused.stderr.lower(), refused.stderr


def is_known(controller: Controller, *identity: str) -> bool:
    """Whether the API server knows who that is."""
    return controller.kubectl("auth", "whoami", *identity).code == 0


def test_tokens_that_are_worth_nothing(controller: Controller, tmp_path: Path) -> None:
    good = token(controller, tmp_path / "good")
    assert is_known(controller, f"--kubeconfig={good}")
    secret = json.loads(good.read_text())["users"][0]["user"]["token"].partition(".")[2]
    guessed = tmp_path / "guessed"
    guessed.write_text(good.read_text().replace(secret, secret[::-1]))
    assert not is_known(controller, f"--kubeconfig={guessed}")
    short = f"--kubeconfig={token(controller, tmp_path / 'short', '--expiry=3s')}"
    time.sleep(4)
    wait_for(controller.daemon, lambda: not is_known(controller, short), what="refusing the token", timeout_s=60)


def test_certificate_of_a_foreign_authority_is_refused(controller: Controller, node: Node, tmp_path: Path) -> None:
    assert is_known(controller, *node.identity)
    forged = Authority(tmp_path).issue(f"system:node:{NODE}", "system:nodes")
    assert not is_known(controller, *replace(node, credential=forged).identity)
    # Each authority has one purpose: who may open the tunnel is nobody to the API server.
    agent = ask(controller, to_connect(NODE), *node.identity).write(tmp_path, "agent")
    assert not is_known(controller, *replace(node, credential=agent).identity)
