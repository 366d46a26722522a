"""Workers that lose their controller: what runs on them, and how they lose it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from tests.integration.worker.lab import NETWORK, Lab, Node
from tests.integration.worker.machine import plug, running_machine
from tests.integration.worker.pods import AGNHOST, service

INSIDE = "what nobody but the pod may know"
CTR = ("ctr", "--address=/run/kedge/containerd.sock", "-n", "k8s.io")
APPS = ("caller", "called", "each")


def volumes() -> list[dict[str, Any]]:
    token = {"serviceAccountToken": {"path": "token", "audience": "elsewhere", "expirationSeconds": 3600}}
    return [
        {"name": "secret", "secret": {"secretName": "inside"}},
        {"name": "config", "configMap": {"name": "inside"}},
        {"name": "token", "projected": {"sources": [token]}},
    ]


def workload(kind: str, name: str, **spec: object) -> dict[str, Any]:
    """A Deployment or a DaemonSet of pods that serve HTTP and use everything that a node is told."""
    mounts = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes()]
    container = {"name": "main", "image": AGNHOST, "args": ["netexec"], "volumeMounts": mounts}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container], "volumes": volumes(), "terminationGracePeriodSeconds": 1},
    }
    selector = {"matchLabels": {"app": name}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": selector, "template": template, **spec},
    }


def objects() -> list[dict[str, Any]]:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "inside"}, "stringData": {"key": INSIDE}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inside"}, "data": {"key": "told"}}
    return [
        secret,
        config,
        workload("Deployment", "caller"),
        workload("Deployment", "called"),
        workload("DaemonSet", "each"),
        service("called", "called"),
    ]


def running_containers(node: Node) -> dict[str, str]:
    """The container that runs in each pod, by the pod's label, as the node itself knows it."""
    found = {}
    with suppress(AssertionError):  # containerd starts
        tasks = node.machine.run(node.kedge, *CTR, "tasks", "ls").splitlines()[1:]
        for name in [line.split()[0] for line in tasks if "RUNNING" in line]:
            labels = json.loads(node.machine.run(node.kedge, *CTR, "containers", "info", name))["Labels"]
            if labels.get("io.kubernetes.container.name") == "main":
                called: str = labels["io.kubernetes.pod.name"]
                found[called.split("-", maxsplit=1)[0]] = f"containerd://{name}"
    return found


def cable(lab: Lab, state: str) -> None:
    """Pull the first machine's cable ("down") or put it back ("up")."""
    lab.hub.run("ip", "link", "set", "to-edge1", state)


@contextmanager
def started_again(lab: Lab, node: Node, state: str) -> Iterator[Node]:
    """The machine after its power was cut, its cable "up" or "down"."""
    node.machine.cut_power()
    with suppress(AssertionError):  # the kernel removes it with the other end, which takes a moment
        lab.hub.run("ip", "link", "del", "to-edge1")
    with running_machine("edge1", lab.directory) as machine:
        plug(lab.hub, machine, NETWORK, 11)
        cable(lab, state)
        yield replace(node, machine=machine)
