"""`builder cluster` as somebody types it: what is printed, which files only their owner may read, what is refused."""

import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from builder.trust.age import new_identity, recipient_of

ROOT = Path(__file__).parents[3]


class Operator:
    """Somebody with a directory of clusters and an age identity, but no terminal."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.identity = directory / "identity"
        self.identity.write_text(f"# made by age-keygen\n{new_identity()}\n")

    def run(self, *arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "PYTHONPATH": str(ROOT), **environment}
        argv = [sys.executable, "-P", "-m", "builder", *arguments, f"--clusters={self.directory / 'clusters'}"]
        return subprocess.run(argv, input=stdin, capture_output=True, env=own, check=False)

    def said(self, *arguments: str) -> str:
        """What it printed; it must succeed."""
        done = self.run(*arguments, BUILDER_IDENTITY_FILE=str(self.identity))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    found = Operator(tmp_path_factory.mktemp("operator"))
    recipient = recipient_of(found.identity.read_text(), where="identity")
    found.said("cluster", "init", "mill", "--endpoint=mill.example.com", f"--recipient={recipient}")
    found.said("cluster", "add-node", "mill", "barn", "--role=controller")
    found.said("cluster", "add-node", "mill", "field-1", "field-2")
    return found


def test_clusters_and_nodes_are_shown_without_secrets(operator: Operator) -> None:
    (listed,) = json.loads(operator.said("cluster", "list", "--json"))
    assert (listed["name"], sorted(listed["nodes"])) == ("mill", ["barn", "field-1", "field-2"])
    shown = operator.said("cluster", "show", "mill")
    assert "endpoints: mill.example.com:6443\nauthority: sha256:" in shown
    assert "barn     controller" in shown
    assert "PRIVATE" not in shown + operator.said("cluster", "show", "mill", "--json")


def test_secrets_are_written_for_their_owner_alone(operator: Operator) -> None:
    archive, kubeconfig = operator.directory / "mill.tar", operator.directory / "kubeconfig"
    operator.said("cluster", "export", "mill", f"--out={archive}")
    operator.said("cluster", "kubeconfig", "mill", f"--out={kubeconfig}", "--days=1")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (archive, kubeconfig)} == {0o600}
    with tarfile.open(archive) as tar:
        assert {"kedge.yaml", "pki/ca.crt", "pki/etcd/ca-issuer.key"} <= set(tar.getnames())
    (cluster,) = json.loads(kubeconfig.read_text())["clusters"]
    assert cluster["cluster"]["server"] == "https://mill.example.com:6443"
    assert json.loads(operator.said("cluster", "kubeconfig", "mill"))["kind"] == "Config"


def test_revoking_and_rotating(operator: Operator) -> None:
    assert operator.said("cluster", "revoke", "mill", "field-2").startswith("0 credentials revoked")
    assert "revoked 20" in operator.said("cluster", "show", "mill")
    said = operator.said("cluster", "rotate", "mill", "--what=issuers", "--what=service-accounts")
    assert said.startswith("generation 2: issuers, service-accounts")
    assert "issuers: generation 2" in operator.said("cluster", "show", "mill")


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("cluster", "export", "mill"), 2, "name the file of that age identity"),
        (("cluster", "init", "new", "--endpoint=a"), 2, "nobody is here to be asked for the passphrase"),
        (("cluster", "init", "new", "--endpoint=a", "--passphrase-file=-"), 2, "the passphrase is empty"),
        (("cluster", "init", "new", "--endpoint=a", "--passphrase-file=/missing"), 2, "/missing: No such file"),
        (("cluster", "init", "new", "--endpoint=a", "--recipient=age1x"), 2, "is no public key of age"),
        (("cluster", "init", "mill", "--endpoint=a"), 2, "is there already"),
        (("cluster", "init", "new"), 2, "--endpoint"),
        (("cluster", "show", "mll"), 2, "did you mean 'mill'"),
        (
            ("cluster", "add-node", "mill", "other", "--role=single"),
            2,
            "a second controller would have a cluster of its own",
        ),
        (("provision", "a.img", "--cluster=mill"), 2, "one of four is wanted"),
        (("provision", "a.img", "--cluster=mill", "--node=field-1", "--all", "--out=x"), 2, "one of four is wanted"),
        (("provision", "a.img", "--cluster=mill", "--node=field-1"), 2, "a.img cannot be read"),
    ],
)
def test_what_is_refused(operator: Operator, arguments: tuple[str, ...], code: int, problem: str) -> None:
    done = operator.run(*arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert problem in done.stderr.decode()
    assert not (operator.directory / "clusters" / "new").exists()
