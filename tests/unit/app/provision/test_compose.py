"""The files of a node: its operator's lines as they are, the cluster's behind them, and what is wrong, at its line."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from builder.app.clusters.nodes import add_nodes, revoke_nodes
from builder.app.provision.compose import Composer
from builder.app.provision.node_text import NodeTexts
from builder.app.provision.work import check_credential
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.authorities import API, ENROLMENT
from builder.fleet.directory import ClusterDirectory
from builder.fleet.node.read import read_node
from builder.fleet.record import NodeRecord
from builder.fleet.role import Role
from builder.formats.yaml_tree import Source
from builder.trust.certificates import certificate_of
from tests.unit.app.clusters.helpers import NOW, made

Composed = tuple[Mapping[str, bytes], NodeRecord]


def composed(tmp_path: Path, text: str = "", role: Role = Role.WORKER) -> tuple[ClusterDirectory, Composed]:
    cluster, unlocking = made(tmp_path)
    add_nodes(cluster, ["field-1"], role, now=NOW)
    if text:
        cluster.node("field-1").write_text(text)
    record = cluster.read()
    keys = cluster.read_keys(record, unlocking.identity(cluster, record))
    return cluster, Composer(directory=cluster, record=record, keys=keys, now=NOW).compose("field-1")


HEAD = "format: 1\nname: field-1\nrole: worker\n"


def test_a_worker(tmp_path: Path) -> None:
    text = f"# Under the tree.\n{HEAD}site: orchard  # of apples\n"
    cluster, (files, node) = composed(tmp_path, text)
    assert sorted(files) == ["credential.pem", "node.yaml"]
    assert files["node.yaml"].startswith(text.encode())
    config = read_node(files["node.yaml"], Source(name="node.yaml", base=tmp_path))
    assert config.endpoints == ("mill.example.com:6443", "192.0.2.7:7443")
    roots = cluster.read().certificates.roots
    assert config.cluster is not None
    assert config.cluster.authority == roots[API]
    assert config.cluster.upgrades == cluster.read().upgrades
    check_credential(files["credential.pem"], "credential.pem")
    certificate = certificate_of(files["credential.pem"].decode())
    certificate.verify_directly_issued_by(certificate_of(roots[ENROLMENT]))
    assert certificate.subject.rfc4514_string() == "CN=kedge:enrol:field-1,O=kedge:enrolling"
    assert certificate.not_valid_after_utc == NOW + timedelta(days=3650)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert [one.serial for one in node.credentials] == [f"{certificate.serial_number:x}"]


@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.SINGLE])
def test_what_controls_has_no_credential_but_keys(tmp_path: Path, role: Role) -> None:
    cluster, (files, node) = composed(tmp_path, role=role)
    assert sorted(files) == ["controller.tar", "kedge.yaml", "node.yaml"]
    assert files["kedge.yaml"] == cluster.config.read_bytes()
    config = read_node(files["node.yaml"], Source(name="node.yaml", base=tmp_path))
    assert (config.credential, config.config, config.endpoints) == ("controller.tar", "kedge.yaml", ())
    assert not node.credentials


def test_own_endpoints_and_discovery_stay(tmp_path: Path) -> None:
    _, (files, _) = composed(tmp_path, HEAD + "endpoints: [192.0.2.7]\n")
    assert read_node(files["node.yaml"], Source(name="x", base=tmp_path)).endpoints == ("192.0.2.7",)
    (tmp_path / "again").mkdir()
    _, (files, _) = composed(tmp_path / "again", HEAD + "discovery: true\n")
    assert read_node(files["node.yaml"], Source(name="x", base=tmp_path)).endpoints == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            HEAD + "endpoints: [other.example.com]\n",
            r"yaml:4:13: endpoints\[0\]: no certificate of a controller covers",
        ),
        (HEAD.replace("field-1", "field-2"), r"yaml:2:1: name: must be field-1"),
        ("format: 1\nrole: worker\n", r"yaml:1:1: name: is required"),
        (HEAD + "credential: my.pem\n", r"yaml:4:1: credential: is added when the card is provisioned"),
        (HEAD + "cluster: {name: other}\n", r"yaml:4:1: cluster: is added"),
        ('{"format": 1, "name": "field-1", "role": "worker"}\n', r"yaml:1:1: write 'key: value' in lines"),
        (HEAD + "labels: {kubernetes.io/arch: arm}\nprofile: Tiny\n", r"(?s)yaml:4:10: labels.*yaml:5:10: profile"),
        (HEAD.replace("worker", "single"), r"yaml:3:7: role: single, but this is a worker"),
        (HEAD + "site: [\n", r"yaml:5:1: a value is expected here"),
        ("- a\n", r"yaml:1:1: must be a mapping"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(RecipeError) as error:
        composed(tmp_path, text)
    assert re.search(problem, str(error.value)), error.value


def test_a_card_for_a_fleet_has_no_name_and_no_secret(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    texts = NodeTexts(directory=cluster, record=cluster.read())
    config = read_node(texts.of_fleet(), Source(name="node.yaml", base=tmp_path))
    assert (config.name, config.credential, config.role) == (None, None, Role.WORKER)
    assert config.endpoints == ("mill.example.com:6443", "192.0.2.7:7443")
    assert b"PRIVATE" not in texts.of_fleet()
    cluster.fleet.write_text("format: 1\nrole: worker\nprofile: tiny\n")
    assert read_node(texts.of_fleet(), Source(name="x", base=tmp_path)).profile == "tiny"
    cluster.fleet.write_text("format: 1\nname: a\nrole: single\ncredential: a\n")
    with pytest.raises(RecipeError) as error:
        texts.of_fleet()
    assert [line.split("fleet.yaml:")[1] for line in error.value.details] == [
        "4:1: credential: is added when the card is provisioned; remove it",
        "2:1: name: a card for a fleet has none; remove it",
        "3:7: role: single, but this is a worker",
    ]


def test_a_revoked_node_is_not_provisioned(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    add_nodes(cluster, ["field-1"], Role.WORKER, now=NOW)
    revoke_nodes(cluster, ["field-1"], now=NOW)
    record = cluster.read()
    keys = cluster.read_keys(record, unlocking.identity(cluster, record))
    with pytest.raises(RecipeError, match="field-1 was revoked on 2030-01-01"):
        Composer(directory=cluster, record=record, keys=keys, now=NOW).compose("field-1")


def test_a_credential_that_was_cut_off(tmp_path: Path) -> None:
    _, (files, _) = composed(tmp_path)
    whole = files["credential.pem"]
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(BuilderError, match=r"credential\.pem is cut off"):
            check_credential(whole[:length], "credential.pem")
    other = composed_again(tmp_path)
    with pytest.raises(BuilderError, match="the key is not the certificate's"):
        check_credential(whole[: whole.index(b"-----BEGIN EC")] + other[other.index(b"-----BEGIN EC") :], "c")


def composed_again(tmp_path: Path) -> bytes:
    (tmp_path / "other").mkdir()
    _, (files, _) = composed(tmp_path / "other")
    return files["credential.pem"]
