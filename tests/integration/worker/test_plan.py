"""A plan has a cluster's workers run another version of kedge, one after the other, from what the controller serves."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.components.process import running
from tests.integration.upgrades import AGAIN, CRASHES, Publisher
from tests.integration.worker.lab import Lab, Node

pytestmark = pytest.mark.slow

_OWN, _NEXT, _BROKEN = "0.1.0", "0.2.0", "0.3.0"
_PORT = 9444


@pytest.fixture(scope="module")
def publisher(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher.in_directory(tmp_path_factory.mktemp("published"), kedge)


@pytest.fixture(scope="module")
def nodes(lab: Lab, publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    """Two workers below something that starts them again, which calls itself as OpenRC's supervisor does."""
    supervisor = tmp_path_factory.mktemp("service") / "supervise-daemon"
    supervisor.write_text(f"#!/bin/sh\n{AGAIN}\n")
    supervisor.chmod(0o755)
    with ExitStack() as stack:
        made = []
        for index in range(2):
            node = lab.node(index, f"--token-file={lab.token()}", f"--upgrade-keys={publisher.keys}")
            command: list[str | Path] = [node.kedge, "worker", f"--node-name={node.machine.name}", *node.arguments]
            argv = node.machine.inside(supervisor, *command)
            directory = node.machine.data.parent
            node.wait_until_ready(stack.enter_context(running(argv, name="service", directory=directory)))
            made.append(node)
        lab.wait_for("both nodes are Ready", lambda: all(_is_ready(one) for one in lab.get("nodes")["items"]))
        yield made


def _is_ready(node: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])


def _serve(lab: Lab, executable: Path) -> str:
    """Put an executable where the controller serves it from; returns its name there."""
    artifacts = lab.hub.data / "artifacts"
    artifacts.mkdir(exist_ok=True)
    for file in (executable, executable.with_name(executable.name + ".minisig")):
        (artifacts / file.name).write_bytes(file.read_bytes())
    return executable.name


def _plan(name: str, version: str, url: str, **more: object) -> dict[str, Any]:
    update = {
        "version": version,
        "platforms": {f"linux-{arch}": {"url": url} for arch in ("amd64", "arm64", "arm")},
        "readyWithin": "2m",
        "targets": {"workers": {"discovery": {"selector": {}}, "limits": {"concurrent": 1}}},
    }
    spec = {"id": name, "commands": [{"kedgeUpdate": update}], **more}
    return {"apiVersion": "kedge.io/v1alpha1", "kind": "Plan", "metadata": {"name": name}, "spec": spec}


def _status(lab: Lab, plan: str) -> dict[str, Any]:
    status: dict[str, Any] = lab.get("plan", plan).get("status", {})
    return status


def _nodes_of(lab: Lab, plan: str) -> dict[str, str]:
    workers = _status(lab, plan)["commands"][0]["kedgeUpdate"]["workers"]
    return {one["name"]: one["state"] for one in workers}


def _change(lab: Lab, plan: str, **spec: object) -> None:
    lab.kubectl("patch", "plan", plan, "--type=merge", f"--patch={json.dumps({'spec': spec})}")


def test_a_version_that_does_not_work_stops_at_the_first_node(
    lab: Lab, nodes: list[Node], publisher: Publisher
) -> None:
    lab.apply(_plan("broken", _BROKEN, _serve(lab, publisher.broken(_BROKEN, CRASHES))))
    lab.wait_for("the plan has stopped", lambda: _status(lab, "broken").get("state") == "ApplyFailed")
    assert _nodes_of(lab, "broken") == {"edge1": "SignalApplyFailed", "edge2": "SignalPending"}
    message = _status(lab, "broken")["message"]
    assert message.startswith(f"edge1: version {_BROKEN} did not work"), message
    assert [node.status()["version"] for node in nodes] == [_OWN, _OWN]
    assert not (nodes[1].machine.data / "kedge").exists()
    lab.kubectl("delete", "plan", "broken")


def test_strangers_get_nothing(lab: Lab, publisher: Publisher) -> None:
    name = _serve(lab, publisher.version(_NEXT))
    ask = f"curl --silent --insecure --max-time 10 https://127.0.0.1:{_PORT}/{name}"
    done = subprocess.run(lab.hub.inside("sh", "-c", ask), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (56, b""), done.stderr  # CURLE_RECV_ERROR: the server wants a certificate


def test_a_plan_updates_one_node_after_the_other(lab: Lab, nodes: list[Node], publisher: Publisher) -> None:
    lab.apply(_plan("next", _NEXT, _serve(lab, publisher.version(_NEXT)), paused=True))
    lab.wait_for("the plan is paused", lambda: _status(lab, "next").get("state") == "Paused")
    assert _nodes_of(lab, "next") == {"edge1": "SignalPending", "edge2": "SignalPending"}
    _change(lab, "next", paused=False)
    lab.wait_for("the first is told", lambda: _nodes_of(lab, "next")["edge1"] == "SignalSent")
    _change(lab, "next", paused=True)
    lab.wait_for("the first has it", lambda: _nodes_of(lab, "next")["edge1"] == "SignalCompleted")
    assert _nodes_of(lab, "next")["edge2"] == "SignalPending"
    assert [node.status()["version"] for node in nodes] == [_NEXT, _OWN]
    _change(lab, "next", paused=False)
    lab.wait_for("both have it", lambda: _status(lab, "next")["state"] == "Completed")
    assert [node.status()["version"] for node in nodes] == [_NEXT, _NEXT]
    assert "kedge.io/update-order" not in lab.get("node", "edge1")["metadata"]["annotations"]


@pytest.mark.usefixtures("nodes")
def test_commands_of_a_plan_do_not_change(lab: Lab) -> None:
    commands = lab.get("plan", "next")["spec"]["commands"]
    commands[0]["kedgeUpdate"]["version"] = "0.9.0"
    with pytest.raises(AssertionError, match="commands do not change"):
        _change(lab, "next", commands=commands)


def test_a_node_tells_nothing_of_another(nodes: list[Node]) -> None:
    first = nodes[0]
    asked = f"{first.kedge} kubectl --kubeconfig=/var/lib/kedge/worker/node.conf annotate node"
    answer = first.machine.run("sh", "-c", f"! {asked} edge2 kedge.io/update-order=x 2>&1")
    assert "forbidden" in answer.lower(), answer
