"""Machines and people get access to a control plane, and lose it."""

import base64
import gzip
import json
from pathlib import Path

import pytest

from tests.integration.components.invoke import Result, invoke
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller


def kedge(controller: Controller, *arguments: str) -> Result:
    return invoke(controller.place.kedge, *arguments, directory=controller.place.directory)


def directories(controller: Controller) -> tuple[str, str]:
    return f"--data-dir={controller.place.data}", f"--run-dir={controller.place.run}"


def printed(controller: Controller, *arguments: str) -> str:
    result = kedge(controller, *arguments)
    assert result.code == 0, result.stderr
    return result.stdout


def whoami(controller: Controller, kubeconfig: Path) -> dict[str, object]:
    """What the API server says of the bearer; empty when it does not know who that is."""
    result = kedge(controller, "kubectl", f"--kubeconfig={kubeconfig}", "auth", "whoami", "-o", "json")
    known: dict[str, object] = json.loads(result.stdout)["status"]["userInfo"] if result.code == 0 else {}
    return known


def unpacked(token: str, path: Path) -> Path:
    """The kubeconfig in a join token, as a worker uses it."""
    path.write_bytes(gzip.decompress(base64.b64decode(token)))
    return path


def test_a_token_from_its_making_to_its_end(controller: Controller, tmp_path: Path) -> None:
    token = printed(controller, "token", "create", "--expiry=1h", *directories(controller)).strip()
    kubeconfig = unpacked(token, tmp_path / "worker")
    known = whoami(controller, kubeconfig)
    assert "system:bootstrappers:worker" in str(known["groups"])
    identifier = str(known["username"]).removeprefix("system:bootstrap:")
    assert f"https://127.0.0.1:{controller.place.api_port}" not in kubeconfig.read_text()
    listed = json.loads(printed(controller, "token", "list", "-o", "json", directories(controller)[0]))
    assert [each["role"] for each in listed if each["id"] == identifier] == ["worker"]
    secrets = kedge(controller, "kubectl", f"--kubeconfig={kubeconfig}", "get", "secrets", "--namespace=kube-system")
    assert "forbidden" in secrets.stderr.lower()
    printed(controller, "token", "invalidate", token, directories(controller)[0])
    assert identifier not in printed(controller, "token", "list", directories(controller)[0])
    wait_for(controller.daemon, lambda: not whoami(controller, kubeconfig), what="refusing the token", timeout_s=60)


def test_a_token_made_before(controller: Controller, tmp_path: Path) -> None:
    authority = controller.place.data / "pki" / "ca.crt"
    url = f"https://localhost:{controller.place.api_port}"
    printed(controller, "token", "pre-shared", f"--cert={authority}", f"--url={url}", "--valid=1h", f"--out={tmp_path}")
    (token,) = tmp_path.glob("token_*")
    kubeconfig = unpacked(token.read_text(), tmp_path / "worker")
    assert not whoami(controller, kubeconfig)
    (manifest,) = tmp_path.glob("bootstrap-token-*.yaml")
    controller.applied("apply", f"--filename={manifest}")
    assert whoami(controller, kubeconfig)["username"] == "system:bootstrap:" + token.name.removeprefix("token_")


def test_a_kubeconfig_for_somebody(controller: Controller, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "alice"
    kubeconfig.write_text(
        printed(controller, "kubeconfig", "create", "alice", "--groups=ops,night", *directories(controller))
    )
    known = whoami(controller, kubeconfig)
    assert known["username"] == "alice"
    assert known["groups"] == ["ops", "night", "system:authenticated"]
    refused = kedge(controller, "kubectl", f"--kubeconfig={kubeconfig}", "get", "namespaces")
    assert 'User "alice" cannot list resource "namespaces"' in refused.stderr


def test_the_administrators_kubeconfig_names_the_public_address(controller: Controller, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "admin"
    kubeconfig.write_text(printed(controller, "kubeconfig", "admin", *directories(controller)))
    server = controller.status()["server"]
    assert f'"server": "{server}"' in kubeconfig.read_text()
    assert "system:masters" in str(whoami(controller, kubeconfig)["groups"])


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("token", "create", "--role=controller"), 2, "no tokens for the role"),
        (("token", "create", "--expiry=-1h"), 2, "cannot be good for"),
        (("token", "create", "--url=http://cluster.example.com"), 1, "https://HOST:PORT"),
        (("token", "invalidate", "zzzzzz"), 1, "there is no such token"),
        (("token", "invalidate", "%"), 2, "not base64"),
        (("kubeconfig", "create"), 2, "whose kubeconfig"),
    ],
)
def test_what_is_refused(controller: Controller, arguments: tuple[str, ...], code: int, problem: str) -> None:
    result = kedge(controller, *arguments, directories(controller)[0])
    assert (result.code, result.stdout) == (code, "")
    assert problem in result.stderr
