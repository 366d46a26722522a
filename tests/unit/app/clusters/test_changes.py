"""Nodes that come and go, keys that are made anew: what changes, what stays, and what is refused."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from builder.app.clusters.access import controller_files, sign_upgrades
from builder.app.clusters.nodes import add_nodes, revoke_nodes
from builder.app.clusters.rotate import rotate
from builder.app.clusters.rotated import Rotated
from builder.app.clusters.unlock import Unlocking
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.authorities import AUTHORITIES
from builder.fleet.directory import ClusterDirectory
from builder.fleet.record import Credential
from builder.fleet.role import Role
from builder.trust.certificates import Pair, certificate_of
from builder.trust.minisign import SUFFIX, PublicKey, Signature
from tests.unit.app.clusters.helpers import NOW, made


def give_credential(cluster: ClusterDirectory, name: str, serial: str) -> None:
    record = cluster.read()
    node = record.nodes[name]
    credential = Credential(serial=serial, made=NOW, expires=NOW)
    cluster.write(record.with_node(name, node.model_copy(update={"credentials": (*node.credentials, credential)})))


def test_nodes_are_added_with_a_file_each(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    add_nodes(cluster, ["barn-1", "barn-2"], Role.WORKER, now=NOW)
    assert sorted(cluster.read().nodes) == ["barn-1", "barn-2"]
    assert 'name: "barn-1"\nrole: worker\n' in cluster.node("barn-1").read_text()


def test_everything_that_is_wrong_with_nodes_is_told_at_once(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    add_nodes(cluster, ["barn-1"], Role.WORKER, now=NOW)
    before = cluster.read()
    with pytest.raises(RecipeError) as error:
        add_nodes(cluster, ["barn-1", "a", "a"], Role.WORKER, now=NOW)
    assert error.value.details == ("a is named twice", "barn-1 is a node of mill already")
    with pytest.raises(RecipeError, match="'Barn' cannot be the name of a node"):
        add_nodes(cluster, ["Barn"], Role.WORKER, now=NOW)
    assert cluster.read() == before


@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.SINGLE])
@pytest.mark.parametrize(
    "storage", ["", "  storage: {type: etcd}\n", "  storage: {kine: {dataSource: 'sqlite:///a'}}\n"]
)
def test_a_second_controller_is_refused_where_the_state_is_local(tmp_path: Path, role: Role, storage: str) -> None:
    cluster, _ = made(tmp_path)
    cluster.config.write_text(cluster.config.read_text() + storage)
    with pytest.raises(RecipeError, match="a second controller would have a cluster of its own"):
        add_nodes(cluster, ["c1", "c2"], role, now=NOW)
    add_nodes(cluster, ["c1"], Role.CONTROLLER, now=NOW)
    with pytest.raises(RecipeError, match=r"c1 is one\); keep it in PostgreSQL"):
        add_nodes(cluster, ["c2"], role, now=NOW)
    assert list(cluster.read().nodes) == ["c1"]
    revoke_nodes(cluster, ["c1"], now=NOW)
    add_nodes(cluster, ["c2"], role, now=NOW)


def test_a_database_elsewhere_has_many_controllers(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    storage = "  storage: {kine: {dataSource: 'postgres://kedge@db.example/kedge'}}\n"
    cluster.config.write_text(cluster.config.read_text() + storage)
    add_nodes(cluster, ["c1", "c2"], Role.CONTROLLER, now=NOW)
    cluster.config.write_text("spec: [")
    with pytest.raises(RecipeError, match=r"kedge.yaml cannot be used"):
        add_nodes(cluster, ["c3"], Role.CONTROLLER, now=NOW)


def test_every_credential_of_a_revoked_node_is_told_to_controllers(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    add_nodes(cluster, ["barn-1", "barn-2"], Role.WORKER, now=NOW)
    for name, serial in (("barn-1", "aa"), ("barn-1", "bb"), ("barn-2", "cc")):
        give_credential(cluster, name, serial)
    assert [one.serial for one in revoke_nodes(cluster, ["barn-1", "barn-1"], now=NOW)] == ["aa", "bb"]
    assert not revoke_nodes(cluster, ["barn-1"], now=NOW)
    with pytest.raises(RecipeError, match="did you mean 'barn-1'"):
        revoke_nodes(cluster, ["bran-1"], now=NOW)
    add_nodes(cluster, ["barn-1"], Role.WORKER, now=NOW)
    give_credential(cluster, "barn-1", "dd")
    with tarfile.open(fileobj=io.BytesIO(controller_files(cluster, unlocking, now=NOW))) as archive:
        member = archive.extractfile("pki/revoked.json")
        assert member is not None
        told = json.loads(member.read())
    assert [(one["serial"], one["node"]) for one in told["credentials"]] == [("aa", "barn-1"), ("bb", "barn-1")]


def keys_of(cluster: ClusterDirectory, unlocking: Unlocking) -> dict[str, object]:
    record = cluster.read()
    return cluster.read_keys(record, unlocking.identity(cluster, record)).model_dump()


def test_other_issuers_under_the_same_roots(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    before, keys = cluster.read(), keys_of(cluster, unlocking)
    after = rotate(cluster, [Rotated.ISSUERS], unlocking, now=NOW)
    assert after == cluster.read()
    assert after.certificates.roots == before.certificates.roots
    now = keys_of(cluster, unlocking)
    assert {name for name in now if now[name] != keys[name]} == {"issuers"}
    for name in AUTHORITIES:
        issuer = certificate_of(after.certificates.issuers[name])
        issuer.verify_directly_issued_by(certificate_of(after.certificates.roots[name]))
        assert after.certificates.issuers[name] != before.certificates.issuers[name]
        issuers = now["issuers"]
        assert isinstance(issuers, dict)
        Pair.parse(after.certificates.issuers[name], issuers[name], where=name)
    assert [path.name for path in cluster.path.glob("keys-*")] == ["keys-2.age"]
    # A rotation that was cut off left them.
    (cluster.path / "keys-1.age").touch()
    rotate(cluster, [Rotated.ISSUERS], unlocking, now=NOW)
    assert [path.name for path in cluster.path.glob("keys-*")] == ["keys-3.age"]


def test_an_older_key_still_opens_what_is_stored(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    record = cluster.read()
    identity = unlocking.identity(cluster, record)
    old = json.loads(cluster.read_keys(record, identity).encryption_json())
    record = rotate(cluster, [Rotated.ENCRYPTION, Rotated.SERVICE_ACCOUNTS], unlocking, now=NOW)
    new = json.loads(cluster.read_keys(record, identity).encryption_json())

    def named(
        document: dict[str, list[dict[str, list[dict[str, dict[str, list[dict[str, str]]]]]]]],
    ) -> list[dict[str, str]]:
        return document["resources"][0]["providers"][0]["secretbox"]["keys"]

    assert [key["name"] for key in named(new)] == ["key2", "key1"]
    assert named(new)[1:] == named(old)


def verified(cluster: ClusterDirectory, file: Path) -> list[bool]:
    """By which of the cluster's keys the signature beside `file` is, the newest first."""
    signature = Signature.parse(file.with_name(f"{file.name}{SUFFIX}").read_text(), where="it")
    keys = [PublicKey.parse(line, where="it") for line in cluster.read().upgrades]
    for key in keys:
        if key.identity == signature.identity:
            key.verify([file.read_bytes()], signature, what="it")
    return [key.identity == signature.identity for key in keys]


def test_versions_are_signed_with_the_newest_key(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    first, second = tmp_path / "kedge-1", tmp_path / "kedge-2"
    for file in (first, second):
        file.write_bytes(file.name.encode())
    sign_upgrades(cluster, unlocking, [first], now=NOW)
    assert verified(cluster, first) == [True]
    rotate(cluster, [Rotated.UPGRADES], unlocking, now=NOW)
    sign_upgrades(cluster, unlocking, [second], now=NOW)
    assert (verified(cluster, first), verified(cluster, second)) == ([False, True], [True, False])
    rotate(cluster, [Rotated.UPGRADES], unlocking, now=NOW)
    assert (verified(cluster, first), verified(cluster, second)) == ([False, False], [False, True])
    with pytest.raises(RecipeError, match="is no file"):
        sign_upgrades(cluster, unlocking, [tmp_path / "absent"], now=NOW)


def test_a_change_that_was_cut_off_changed_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, unlocking = made(tmp_path)
    before, keys = cluster.read(), keys_of(cluster, unlocking)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ClusterDirectory, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            rotate(cluster, [Rotated.ISSUERS], unlocking, now=NOW)
    assert (cluster.read(), keys_of(cluster, unlocking)) == (before, keys)
    assert rotate(cluster, [Rotated.ISSUERS], unlocking, now=NOW).generation == 2


def test_without_the_identity_nothing_is_opened(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    nobody = Unlocking(passphrase_file=None, identity_file=None, prompt=None)
    with pytest.raises(RecipeError, match="are encrypted for age1"):
        rotate(cluster, [Rotated.ISSUERS], nobody, now=NOW)
    _, other = made(tmp_path, "other")
    with pytest.raises(BuilderError, match="it is for another identity"):
        rotate(cluster, [Rotated.ISSUERS], other, now=NOW)
    assert cluster.read().generation == 1
