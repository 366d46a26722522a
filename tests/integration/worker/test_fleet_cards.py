"""Devices whose card is everybody's: they ask, wait, and are nodes once their operator says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.clusters.fleet import expect_devices
from builder.app.clusters.nodes import revoke_device
from builder.fleet.controller_files import revocations
from builder.fleet.endpoints import Endpoint
from tests.integration.trust import lay_out, make_trust, now
from tests.integration.worker.asking import Fleet, Stranger, Subject, give_serial, node_subject
from tests.integration.worker.enrolling import SERVER
from tests.integration.worker.lab import prepared_lab
from tests.integration.worker.machine import missing

SERIAL, OTHER_SERIAL, PLANT = "10000000c0ffee", "10000000decade", "plant-7"
ZONE = "topology.kubernetes.io/zone"


@pytest.fixture(scope="module")
def fleet(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if missing():
        pytest.skip(missing())
    directory = tmp_path_factory.mktemp("trust")
    cluster, unlocking = make_trust(directory, Endpoint.parse("mill.example.com"))
    serials = directory / "devices.csv"
    serials.write_text(f"# The plant's.\n{SERIAL}, field-8, {PLANT}\n{OTHER_SERIAL}, field-9\n")
    expect_devices(cluster, serials, now=now())

    def prepare(data: Path) -> None:
        lay_out(cluster, unlocking, data)

    names = ("one", "two", "three")
    with prepared_lab(kedge, tmp_path_factory.mktemp("lab"), names, prepare, {}) as lab:
        yield Fleet(lab=lab, cluster=cluster, unlocking=unlocking)


def test_a_device_waits_until_it_is_approved_by_its_fingerprint(fleet: Fleet) -> None:
    device = fleet.device(0)
    with device.running() as daemon:
        device.wait_for(lambda: "pending" in device.problem(), what="pending", daemon=daemon)
        fingerprint = device.fingerprint()
        assert f"kedge node approve {fingerprint} NAME" in device.problem()
        listed = fleet.of(fingerprint)
        assert listed["state"] == "pending"
        assert listed["machineID"] == device.machine.run("cat", "/etc/machine-id").strip()
    # Its key stays, and who waits is told again.
    with device.running() as daemon:
        device.wait_for(lambda: "pending" in device.problem(), what="pending again", daemon=daemon)
        assert device.fingerprint() == fingerprint
        fleet.kedge("node", "approve", fingerprint[:23], "field-7", f"--labels={ZONE}={PLANT}")
        device.wait_until_ready(daemon)
        assert "enrolment.json" not in device.machine.run("ls", "/run/kedge").split()
    assert fleet.lab.get("node", "field-7")["metadata"]["labels"][ZONE] == PLANT
    assert fleet.of(fingerprint)["node"] == "field-7"
    assert fingerprint in "".join(fleet.events("field-7", "DeviceApproved"))
    for told in ("a device asks to be approved", "a device is approved"):
        assert any(told in line and fingerprint in line for line in fleet.log().splitlines())


@pytest.mark.slow
def test_a_node_is_the_same_after_an_absence_and_nobody_after_a_revocation(fleet: Fleet) -> None:
    device, name = fleet.device(0), "field-7"
    with device.running() as daemon:
        if not any(one["node"] == name for one in fleet.listed() if "node" in one):
            device.wait_for(lambda: "pending" in device.problem(), what="pending", daemon=daemon)
            fleet.kedge("node", "approve", device.fingerprint(), name)
        device.wait_until_ready(daemon)
    (device.machine.data / "worker" / "node-current.pem").unlink()  # as after a month, without a certificate
    with device.running() as daemon:
        device.wait_until_ready(daemon)
        key = next(one["fingerprint"] for one in fleet.listed() if one.get("node") == name)
        revoke_device(fleet.cluster, name, key, now=now())
        (fleet.lab.hub.data / "pki" / "revoked.json").write_bytes(revocations(fleet.cluster.read()))
        fleet.lab.wait_for("the Node is deleted", lambda: name not in fleet.kubectl_says("get", "nodes"))
    (device.machine.data / "worker" / "node-current.pem").unlink()
    with device.running() as daemon:
        device.wait_for(lambda: "was revoked" in device.problem(), what="refused", daemon=daemon)
    assert "its key is good for nothing any more" in fleet.kedge_refuses("node", "approve", key, "field-6")


@pytest.mark.slow
def test_a_device_is_expected_by_its_serial_number(fleet: Fleet) -> None:
    first, second = fleet.device(1), fleet.device(2)
    give_serial(first.machine, SERIAL)
    with first.running() as daemon:
        first.wait_until_ready(daemon)
        assert fleet.lab.get("node", "field-8")["metadata"]["labels"][ZONE] == PLANT
        # The number is used up: who tells it as well is refused, and both are named to the operator alone.
        give_serial(second.machine, SERIAL)
        with second.running() as other:
            second.wait_for(lambda: "refused" in second.problem(), what="refused", daemon=other)
            fingerprint = second.fingerprint()
            mine, theirs = (one.machine.run("cat", "/etc/machine-id").strip() for one in (first, second))
            reason = fleet.of(fingerprint)["reason"]
            assert mine in reason
            assert theirs in reason
            assert reason in fleet.events("field-8", "EnrolmentRefused")
            assert second.told()["state"] == "refused"
            assert mine not in str(second.told())
            # The operator may let it in all the same, under a name that is free.
            assert "--replace" in fleet.kedge_refuses("node", "approve", fingerprint, "field-8")
            fleet.kedge("node", "approve", fingerprint, "field-5")
            second.wait_until_ready(other)
    assert fleet.of(fingerprint)["node"] == "field-5"


def test_a_device_is_refused_and_approved_after_all(fleet: Fleet) -> None:
    stranger, machine = Stranger(), fleet.lab.machines[0]
    assert fleet.states(machine, stranger.body()) == ["pending"]
    fleet.kedge("node", "refuse", stranger.fingerprint[:23])
    fleet.lab.wait_for("it is refused", lambda: fleet.states(machine, stranger.body()) == ["refused"])
    assert any("refused by the operator" in line and stranger.fingerprint in line for line in fleet.log().splitlines())
    assert fleet.of(stranger.fingerprint)["state"] == "refused"
    fleet.kedge("node", "approve", stranger.fingerprint, "field-4")
    fleet.lab.wait_for("it is approved", lambda: fleet.states(machine, stranger.body()) == ["approved"])
    assert "builder cluster revoke" in fleet.kedge_refuses("node", "refuse", stranger.fingerprint)


WISHES: dict[str, tuple[Subject, tuple[str, ...], str]] = {
    "another name": (node_subject("field-2"), (), "for"),
    "a node that there is": (node_subject("field-8"), (), "for"),
    "the controller's name": (node_subject("hub"), (), "for"),
    "an administrator": (("kubernetes-admin", "system:masters"), (), "for"),
    "a node and an administrator": (("system:node:field-3", "system:masters"), (), "for"),
    "to serve": (node_subject("field-3"), ("field-3",), "DNS names"),
}


@pytest.mark.parametrize("kind", WISHES)
def test_who_is_approved_gets_the_certificate_of_one_node(fleet: Fleet, kind: str) -> None:
    subject, names, told = WISHES[kind]
    approved, machine = Stranger(), fleet.lab.machines[0]
    unknown = Stranger()
    fleet.kedge("node", "approve", approved.fingerprint, "field-3", "--replace")  # before it asks
    fleet.lab.wait_for("it is approved", lambda: fleet.states(machine, approved.body()) == ["approved"])
    for asks, why in ((approved, told), (unknown, "DNS names" if names else "is no node")):
        ((code, answer),) = fleet.ask(machine, asks.body(subject, names))
        assert code == 403
        assert why in answer["reason"]
        assert "certificate" not in answer
    ((code, answer),) = fleet.ask(machine, unknown.body(node_subject("field-3")))
    assert (code, "certificate" in answer) == (403, False)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nodes",
        "/api/v1/secrets",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        "/v1/enrolment",
        "/",
    ],
)
def test_what_a_card_says_reads_nothing(fleet: Fleet, path: str) -> None:
    machine = fleet.lab.machines[0]
    for port, codes in ((6443, ("401", "403")), (9443, ("404", "405"))):
        curl: list[str | Path] = ["curl", "--silent", "--cacert", fleet.authority, "--max-time", "10"]
        curl += ["--write-out", "%{http_code}", "--output", "/dev/null", f"https://{SERVER}:{port}{path}"]
        said = machine.run(*curl)
        assert said in codes or (port, path) == (6443, "/v1/enrolment")
    ((code, _),) = fleet.ask(machine, Stranger().body(), path="/v1/enrolment/others")
    assert code == 404


def test_a_flood_is_bounded_and_stops_nothing_that_was_decided(fleet: Fleet) -> None:
    flood, home = fleet.lab.machines[0], fleet.lab.machines[2]
    expected, approved = Stranger(serial=OTHER_SERIAL, machine_id="9" * 32), Stranger()
    fleet.kedge("node", "approve", approved.fingerprint, "field-2")
    before = len(fleet.listed())
    bodies = [Stranger().body() for _ in range(200)]
    answers = fleet.ask(flood, *bodies, "x" * 100_000, *bodies[:50])
    heard = [code for code, _ in answers if code == 200]
    assert {code for code, _ in answers} <= {200, 400, 429, 503}
    assert len(heard) < 64
    assert [code for code, _ in answers].count(429) > 100
    assert len(fleet.listed()) - before <= 64
    assert fleet.states(home, expected.body(), approved.body(), Stranger().body()) == [
        "approved",
        "approved",
        "pending",
    ]
    assert fleet.kubectl_says("get", "csr", "--output=name").count("kedge-fleet-") < 20
