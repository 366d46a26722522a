"""Machines that became nodes of a control plane the way that a worker does."""

import base64
import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from tests.integration.components.invoke import Result, invoke
from tests.integration.components.pki import KeyPair
from tests.integration.components.ports import LOOPBACK
from tests.integration.controller.controller import Controller
from tests.integration.controller.requests import ask, to_be


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node: its name, and the certificate with which it is one."""

    name: str
    controller: Controller
    credential: KeyPair

    @property
    def identity(self) -> tuple[str, ...]:
        """The arguments with which kubectl is this node."""
        place = self.controller.place
        return (
            "--kubeconfig=/dev/null",
            f"--server=https://{LOOPBACK}:{place.api_port}",
            f"--certificate-authority={place.data / 'pki' / 'ca.crt'}",
            f"--client-certificate={self.credential.certificate}",
            f"--client-key={self.credential.key}",
        )

    def kubectl(self, *arguments: str) -> Result:
        return self.controller.kubectl(*arguments, *self.identity)


def token(controller: Controller, path: Path, *arguments: str) -> Path:
    """A new join token, as the kubeconfig that a worker makes of it."""
    directories = (f"--data-dir={controller.place.data}", f"--run-dir={controller.place.run}")
    made = invoke(controller.place.kedge, "token", "create", *directories, *arguments)
    assert made.code == 0, made.stderr
    path.write_bytes(gzip.decompress(base64.b64decode(made.stdout)))
    return path


def joined(controller: Controller, name: str, directory: Path) -> Node:
    """A machine that got its certificate with a token."""
    kubeconfig = token(controller, directory / f"{name}.token")
    credential = ask(controller, to_be(name), f"--kubeconfig={kubeconfig}").write(directory, f"node-{name}")
    return Node(name=name, controller=controller, credential=credential)


def create(controller: Controller, document: object) -> None:
    """Create an object as the administrator."""
    path = controller.place.directory / "object.json"
    path.write_text(json.dumps(document))
    controller.applied("create", f"--filename={path}")


def node_object(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def pod_object(name: str, node: str, *, secret: str = "") -> dict[str, object]:
    """A pod that was given to a node already; with a secret it is a volume."""
    spec: dict[str, object] = {"nodeName": node, "containers": [{"name": "c", "image": "example.com/none"}]}
    if secret:
        spec["volumes"] = [{"name": "v", "secret": {"secretName": secret}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
