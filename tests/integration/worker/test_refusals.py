"""Machines that must not join, or not like this: each is told why, and changes nothing."""

import base64
import gzip
import subprocess
from pathlib import Path

import pytest

from tests.integration.worker.lab import Lab


def changed(token: Path, old: str, new: str) -> Path:
    """The join token with a text within replaced."""
    text = gzip.decompress(base64.b64decode(token.read_text())).decode()
    assert old in text
    other = token.with_name(f"{token.name}-changed")
    other.write_text(base64.b64encode(gzip.compress(text.replace(old, new).encode())).decode())
    return other


def secret(token: Path) -> str:
    text = gzip.decompress(base64.b64decode(token.read_text())).decode()
    return text.split('"token": "')[1].split('"')[0]


def test_a_machine_without_a_token(lab: Lab) -> None:
    assert "give it a join token with --token-file" in lab.node(0).refused()


def test_a_token_that_is_cut(lab: Lab) -> None:
    token = lab.token()
    token.write_text(token.read_text()[:100])
    assert str(token) in lab.node(0, f"--token-file={token}").refused()


def test_a_wrong_token(lab: Lab) -> None:
    token = lab.token()
    right = secret(token)
    wrong = changed(token, right, right[:-1] + ("a" if right[-1] != "a" else "b"))
    assert "its token is wrong, has expired or was invalidated" in lab.node(0, f"--token-file={wrong}").refused()


def test_a_token_of_another_cluster(lab: Lab, tmp_path: Path) -> None:
    """Another authority: whoever answers cannot be the server that the token is for."""
    ca = tmp_path / "ca.crt"
    openssl = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    subprocess.run(
        [*openssl, "-subj", "/CN=other", "-keyout", tmp_path / "ca.key", "-out", ca], check=True, capture_output=True
    )
    token = lab.token()
    own = base64.b64encode((lab.hub.data / "pki" / "ca.crt").read_bytes()).decode()
    foreign = changed(token, own, base64.b64encode(ca.read_bytes()).decode())
    assert "is not the API server that the join token trusts" in lab.node(0, f"--token-file={foreign}").refused()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--taints=NoSchedule"], "It takes KEY=VALUE:EFFECT"),
        (["--cri-socket=/run/crio.sock"], "It takes unix:///PATH"),
        (["--node-name=Edge_1"], "cannot be a node's name"),
        (["--kubeconfig=/absent"], "read the node's kubeconfig"),
    ],
)
def test_a_wrong_command_line(lab: Lab, arguments: list[str], told: str) -> None:
    assert told in lab.node(0).refused(*arguments)


def test_two_machines_of_one_name(lab: Lab) -> None:
    token = lab.token()
    first = lab.node(0, f"--token-file={token}")
    with first.running() as daemon:
        first.wait_for(lambda: "edge1" in lab.kubectl("get", "nodes"), what="registered", daemon=daemon)
        told = lab.node(1, f"--token-file={token}").refused("--node-name=edge1")
        assert "another machine" in told
        assert "is the node edge1 of this cluster" in told
