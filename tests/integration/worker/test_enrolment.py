"""Workers that join with what `builder provision` puts on their cards."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from builder.app.clusters.nodes import add_nodes
from builder.fleet.endpoints import Endpoint
from builder.fleet.role import Role
from tests.integration.trust import lay_out, make_trust, now
from tests.integration.worker.enrolling import Card, Mill, Wish
from tests.integration.worker.lab import prepared_lab
from tests.integration.worker.machine import missing

CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"


@pytest.fixture(scope="module")
def mill(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    if missing():
        pytest.skip(missing())
    cluster, unlocking = make_trust(tmp_path_factory.mktemp("trust"), Endpoint.parse("mill.example.com"))
    add_nodes(cluster, ["field-1", "field-2", "field-3"], Role.WORKER, now=now())

    def prepare(data: Path) -> None:
        lay_out(cluster, unlocking, data)

    names = ("field-1", "field-2", "field-3")
    with prepared_lab(kedge, tmp_path_factory.mktemp("lab"), names, prepare, {}) as lab:
        yield Mill(lab=lab, cluster=cluster, unlocking=unlocking)


def certificate(mill: Mill) -> x509.Certificate:
    # A link, which leads nowhere outside of the machine.
    content = mill.lab.machines[0].run("cat", "/var/lib/kedge/worker/node-current.pem")
    return x509.load_pem_x509_certificate(content.encode())


@pytest.mark.parametrize(
    "what",
    [
        ("get", "nodes"),
        ("get", "csr"),
        ("get", "secrets", "--all-namespaces"),
        ("get", "configmaps", "--namespace=kube-system"),
        ("get", "configmap", "--namespace=kube-system", "kedge-enrolment-field-3"),
        ("create", "serviceaccount", "eve"),
        ("create", "token", "default"),
        ("run", "eve", "--image=eve"),
        ("delete", "csr", "--all"),
        ("get", "nodes", "--as=system:node:field-3", "--as-group=system:nodes"),
    ],
)
def test_a_credential_may_do_nothing_by_itself(mill: Mill, what: tuple[str, ...]) -> None:
    card = mill.card("field-3")
    assert mill.as_thief(card, "auth", "whoami").find("kedge:enrol:field-3") > 0
    assert "forbidden" in mill.as_thief(card, *what).lower()


NODE3 = ("system:node:field-3", "system:nodes")
WISHES = {
    "another node": Wish(subject=("system:node:field-1", "system:nodes"), signer=CLIENT, told="its credential is for"),
    "an administrator": Wish(subject=("system:node:field-3", "system:masters"), signer=CLIENT, told="is for"),
    "another name": Wish(subject=NODE3, signer=CLIENT, names=("field-3",), told="its DNS names are"),
    "another use": Wish(
        subject=NODE3, signer=CLIENT, usages=("client auth", "server auth"), told="not for this purpose"
    ),
    "to serve": Wish(
        subject=NODE3,
        signer="kubernetes.io/kubelet-serving",
        names=("field-3",),
        usages=("digital signature", "server auth"),
        told="is no node",
    ),
    "the tunnel": Wish(subject=("field-3", ""), signer="kedge.io/konnectivity-agent", told="is no node"),
}


@pytest.mark.parametrize("kind", WISHES)
def test_a_credential_is_for_one_certificate(mill: Mill, kind: str) -> None:
    card, wish, name = mill.card("field-3"), WISHES[kind], f"eve-{kind.replace(' ', '-')}"
    assert "created" in mill.as_thief(card, "create", f"--filename={mill.file(wish.document(name, card))}")
    status = mill.decided(name)
    assert [one["type"] for one in status["conditions"]] == ["Denied"]
    assert wish.told in json.dumps(status)


def test_nobody_signs_a_client_for_a_credential(mill: Mill) -> None:
    card, signer = mill.card("field-3"), "kubernetes.io/kube-apiserver-client"
    masters = Wish(subject=("eve", "system:masters"), signer=signer)
    said = mill.as_thief(card, "create", f"--filename={mill.file(masters.document('eve-masters', card))}")
    assert "forbidden" in said
    eve = Wish(subject=("eve", "eve"), signer=signer)
    assert "created" in mill.as_thief(card, "create", f"--filename={mill.file(eve.document('eve', card))}")
    later = Wish(subject=("system:node:field-1", "system:nodes"), signer=CLIENT)
    mill.as_thief(card, "create", f"--filename={mill.file(later.document('eve-later', card))}")
    mill.decided("eve-later")
    assert mill.lab.get("csr", "eve")["status"] == {}


def test_who_has_one_credential_cannot_show_another(mill: Mill) -> None:
    used, shown = mill.card("field-3"), mill.card("field-3", after_s=5)
    wish = Wish(subject=NODE3, signer=CLIENT)
    mill.as_thief(used, "create", f"--filename={mill.file(wish.document('another', shown))}")
    assert "shows another credential than the one that was used" in json.dumps(mill.decided("another"))


def test_a_worker_joins_comes_back_and_enrols_again(mill: Mill) -> None:
    card = mill.card("field-1")
    data = mill.lab.machines[0].data / "worker"
    # Nobody is at the first address.
    node = mill.lab.node(0, *card.arguments("127.0.0.1:1", "172.31.99.1"))
    with node.running() as daemon:
        node.wait_until_ready(daemon)
    bound = mill.binding("field-1")
    assert bound["machineID"] == node.machine.run("cat", "/etc/machine-id").strip()
    assert bound["credential"] == mill.cluster.read().nodes["field-1"].credentials[0].serial
    first = certificate(mill)
    assert timedelta(days=29) < first.not_valid_after_utc - now() <= timedelta(days=30)
    assert "https://172.31.99.1:6443" in (data / "node.conf").read_text()
    (enrolled,) = mill.events("field-1", "NodeEnrolled")
    assert bound["machineID"] in enrolled

    kept = card.credential.read_text()
    card.credential.unlink()
    with node.running() as daemon:
        node.wait_until_ready(daemon)
    assert certificate(mill) == first

    node.machine.run("cp", mill.file(mill.expired("field-1")), "/var/lib/kedge/worker/node-current.pem")
    told = node.refused()
    assert "the node's certificate expired on" in told
    assert "give the worker a new token or credential" in told
    card.credential.write_text(kept)
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        assert certificate(mill).not_valid_after_utc > now()
        # As after a month without contact, or when the clock was set.
        node.machine.run("cp", mill.file(mill.expired("field-1")), "/var/lib/kedge/worker/node-current.pem")
        node.wait_for(lambda: certificate(mill).not_valid_after_utc > now(), what="let in again", daemon=daemon)
    assert mill.binding("field-1") == bound


def test_a_node_whose_certificate_expired_starts_without_its_controller(mill: Mill) -> None:
    node = mill.lab.node(0, *mill.card("field-1", after_s=15).arguments())
    # Beside the one that it had, with whose key it sealed what it has seen.
    kept = "/var/lib/kedge/worker"
    node.machine.run("cp", mill.file(mill.expired("field-1")), f"{kept}/node-expired.pem")
    node.machine.run("ln", "--force", "--symbolic", "node-expired.pem", f"{kept}/node-current.pem")
    mill.lab.hub.run("ip", "link", "set", "to-field-1", "down")
    with node.running() as daemon:
        node.wait_until_ready(daemon)
        assert certificate(mill).not_valid_after_utc < now()
        mill.lab.hub.run("ip", "link", "set", "to-field-1", "up")
        node.wait_for(lambda: certificate(mill).not_valid_after_utc > now(), what="let in again", daemon=daemon)


def test_a_credential_of_another_node(mill: Mill) -> None:
    told = mill.lab.node(2, *mill.card("field-1", after_s=60).arguments()).refused()
    assert 'the credential is of the node "field-1", and this machine is to be "field-3"' in told


def test_a_credential_of_another_cluster(mill: Mill, tmp_path: Path) -> None:
    cluster, unlocking = make_trust(tmp_path, Endpoint.parse("mill.example.com"))
    add_nodes(cluster, ["field-3"], Role.WORKER, now=now())
    foreign = Mill(lab=mill.lab, cluster=cluster, unlocking=unlocking).card("field-3", after_s=90)
    own = mill.card("field-3", after_s=120)
    node = mill.lab.node(2, *foreign.arguments())
    assert "is not the API server that" in node.refused()
    mixed = Card(credential=foreign.credential, authority=own.authority)
    assert "its credential or certificate is of another cluster" in mill.lab.node(2, *mixed.arguments()).refused()


def test_a_second_machine_with_the_same_credential(mill: Mill) -> None:
    card = mill.card("field-2")
    first = mill.lab.node(1, *card.arguments())
    with first.running() as daemon:
        first.wait_until_ready(daemon)
    other = mill.lab.node(2, *card.arguments())
    told = other.refused("--node-name=field-2")
    mine, theirs = (machine.run("cat", "/etc/machine-id").strip() for machine in mill.lab.machines[1:])
    assert "the controller refuses this machine: the node field-2 is another machine since" in told
    assert mine in told
    assert theirs in told
    assert mill.events("field-2", "EnrolmentRefused")[-1] in told
    assert "an enrolment is refused" in mill.lab.controller.log.read_text()
    assert "secret" not in mill.binding("field-2")

    newer: Card = mill.card("field-2", after_s=5)
    mill.lab.kubectl("delete", "node", "field-2")
    replacing = mill.lab.node(2, *newer.arguments(), "--node-name=field-2")
    with replacing.running() as daemon:
        replacing.wait_until_ready(daemon)
    assert mill.binding("field-2")["machineID"] == theirs
    # The older one counts no longer, wherever it is.
    (first.machine.data / "worker" / "node-current.pem").unlink()
    assert "a newer credential than" in first.refused()
