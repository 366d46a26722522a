"""What `builder cluster init` leaves, what is secret in it, and what is refused."""

import io
import itertools
import json
import os
import signal
import stat
import sys
import tarfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from builder.app.clusters.access import controller_files
from builder.app.clusters.create import NewCluster, create_cluster
from builder.app.clusters.unlock import Unlocking
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.authorities import AUTHORITIES, ENROLMENT
from builder.fleet.directory import ClusterDirectory, cluster_names, find_cluster
from builder.fleet.endpoints import Endpoint
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import Source
from builder.recipe.plain import plain_values
from tests.unit.app.clusters.helpers import NOW, PASSPHRASE, made

ROOT = Path(__file__).parents[4]


def modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in directory.rglob("*") if path.is_file()}


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def with_passphrase(directory: Path) -> ClusterDirectory:
    wanted = NewCluster(name="mill", endpoints=[Endpoint.parse("mill.example.com")], passphrase=PASSPHRASE)
    return create_cluster(directory / "clusters", wanted, now=NOW)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    cluster = with_passphrase(tmp_path)
    assert stat.S_IMODE(cluster.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((cluster.path / "nodes").stat().st_mode) == 0o700
    assert modes(cluster.path) == {0o600}
    assert "\n*\n" in (cluster.path / ".gitignore").read_text()
    assert cluster_names(tmp_path / "clusters") == ["mill"]


def test_no_key_lies_there_in_the_clear(tmp_path: Path) -> None:
    cluster = with_passphrase(tmp_path)
    file = tmp_path / "passphrase"
    file.write_text(f"{PASSPHRASE}\n")
    record, unlocking = cluster.read(), Unlocking(passphrase_file=file, identity_file=None, prompt=None)
    identity = unlocking.identity(cluster, record)
    keys, roots = cluster.read_keys(record, identity), cluster.read_roots(identity)
    secrets = [identity, PASSPHRASE, *keys.issuers.values(), keys.enrolment, keys.service_accounts, *keys.encryption]
    secrets += roots.keys.values()
    whole = b"".join(contents(cluster.path).values())
    for secret in secrets:
        # What PEM puts around a key is no secret.
        inner = secret.splitlines()[1] if "BEGIN" in secret else secret
        assert inner.encode() not in whole
    assert set(roots.keys) == set(keys.issuers) == set(AUTHORITIES)
    assert ENROLMENT not in roots.keys


def test_what_a_controller_gets_has_no_root_key(tmp_path: Path) -> None:
    cluster, unlocking = made(tmp_path)
    record = cluster.read()
    identity = unlocking.identity(cluster, record)
    archive = controller_files(cluster, unlocking, now=NOW)
    for secret in (*cluster.read_roots(identity).keys.values(), cluster.read_keys(record, identity).enrolment):
        assert secret.splitlines()[1].encode() not in archive
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {member.name: member.mode for member in tar if member.isreg()}
    assert {name for name, mode in found.items() if mode == 0o644} == {
        name for name in found if name.endswith(".crt")
    } | {"pki/revoked.json"}
    assert set(found.values()) == {0o600, 0o644}


def test_the_configuration_is_a_clusterconfig(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    document = read_document(cluster.config, Source(name="kedge.yaml", base=tmp_path))
    assert not document.problems
    assert document.root is not None
    schema = json.loads((ROOT / "schemas" / "clusterconfig.schema.json").read_text())
    values = plain_values(document.root)
    assert isinstance(values, dict)
    api = values["spec"]["api"]
    assert (api["externalAddress"], api["port"], list(api["sans"])) == (
        "mill.example.com",
        6443,
        ["mill.example.com", "192.0.2.7"],
    )
    api["sans"] = list(api["sans"])
    assert not list(Draft202012Validator(schema).iter_errors(values))


@pytest.mark.parametrize("name", ["", "Mill", "-mill", "mill.example", "a" * 64, "../mill", "a b"])
def test_names_that_are_no_dns_labels(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError, match="cannot be the name of a cluster"):
        create_cluster(tmp_path, NewCluster(name=name, endpoints=[], passphrase=PASSPHRASE), now=NOW)
    assert not list(tmp_path.iterdir())


def test_a_cluster_is_never_made_twice(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    before = contents(cluster.path)
    with pytest.raises(RecipeError, match="is there already"):
        made(tmp_path)
    assert contents(cluster.path) == before


def test_nothing_is_left_of_a_cluster_that_was_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: ClusterDirectory, name: str, data: bytes) -> None:
        if name == "cluster.json":
            raise OSError(28, "No space left on device")
        (self.path / name).write_bytes(data)

    monkeypatch.setattr(ClusterDirectory, "write_file", write)
    with pytest.raises(BuilderError, match="No space left on device"):
        made(tmp_path)
    assert not list((tmp_path / "clusters").iterdir())


def killed_at(step: int, directory: Path) -> bool:
    """Make a cluster in a process that is killed before its `step`-th change of a directory; False where it had fewer."""
    child = os.fork()
    if child == 0:
        changes = itertools.count(1)

        def count(event: str, _: object) -> None:
            if event in {"os.mkdir", "os.rename"} and next(changes) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            made(directory)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_init_that_was_cut_off_is_no_cluster_and_can_be_repeated(tmp_path: Path) -> None:
    step = 1
    while True:
        directory = tmp_path / str(step)
        directory.mkdir()
        if not killed_at(step, directory):
            break
        assert not cluster_names(directory / "clusters")
        cluster, unlocking = made(directory)
        assert unlocking.identity(cluster, cluster.read())
        assert [path.name for path in (directory / "clusters").iterdir()] == ["mill"]
        step += 1
    assert step > 8, "two directories, five files and their own directory"


def test_a_directory_of_another_version_is_refused(tmp_path: Path) -> None:
    cluster, _ = made(tmp_path)
    record = cluster.path / "cluster.json"
    text = record.read_text()
    record.write_text(text.replace('"format": 1', '"format": 2', 1))
    with pytest.raises(BuilderError, match="has format 2, and this builder knows 1"):
        cluster.read()
    record.write_text(text[:100])
    with pytest.raises(BuilderError, match="cannot be read: it is damaged"):
        cluster.read()
    record.write_text(text.replace('"generation": 1', '"generation": 0', 1))
    with pytest.raises(BuilderError, match=r"(?s)is damaged.*generation: Input should be greater"):
        cluster.read()


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(RecipeError, match=r"there is no cluster 'mlil'.*did you mean 'mill'"):
        find_cluster(tmp_path / "clusters", "mlil")
