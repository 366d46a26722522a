"""Objects for the tests' clusters, and what they are asked. All containers are agnhost, which comes with a bundle."""

from typing import Any

from tests.integration.worker.lab import Lab

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.66.1"
PORT = 8080


def pod(name: str, *arguments: str, node: str | None = None, **spec: object) -> dict[str, Any]:
    """A pod that serves HTTP, or does what the arguments say."""
    container = {"name": "main", "image": AGNHOST, "args": list(arguments) or ["netexec"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "containers": [container],
            "terminationGracePeriodSeconds": 1,
            **({"nodeName": node} if node else {}),
            **spec,
        },
    }


def service(name: str, selector: str, **spec: object) -> dict[str, Any]:
    """A service of the pods that `selector` names."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": selector}, "ports": [{"port": 80, "targetPort": PORT}], **spec},
    }


def connects(lab: Lab, name: str, address: str) -> bool:
    """Whether the pod `name` can open a TCP connection."""
    try:
        lab.kubectl("exec", name, "--", "/agnhost", "connect", "--timeout=3s", address)
    except AssertionError:
        return False
    return True
