"""A worker runs another version of kedge beside the machine's own, and finds back from one that does not work."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.components.process import running
from tests.integration.upgrades import AGAIN, CRASHES, HANGS, Publisher
from tests.integration.worker.lab import Lab, Node
from tests.integration.worker.pods import pod

_OWN, _NEXT = "0.1.0", "0.2.0"


@pytest.fixture(scope="module")
def publisher(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher.in_directory(tmp_path_factory.mktemp("published"), kedge)


@pytest.fixture(scope="module")
def node(lab: Lab, bundle: Path) -> Iterator[Node]:
    """A worker below something that starts it again, and a pod on it."""
    node = lab.node(0, f"--token-file={lab.token()}")
    node.add_bundle(bundle)
    command: list[str | Path] = [node.kedge, "worker", f"--node-name={node.machine.name}", *node.arguments]
    argv = node.machine.inside("sh", "-c", AGAIN, "service", *command)
    with running(argv, name="service", directory=node.machine.data.parent) as daemon:
        node.wait_until_ready(daemon)
        lab.apply(pod("stays", node=node.machine.name))
        lab.wait_for_pods("app=stays")
        yield node
    node.machine.run("flock", "--timeout=60", "/var/lib/kedge/kedge.lock", "true")


def _container(lab: Lab) -> tuple[str, int]:
    (status,) = lab.get("pod", "stays")["status"]["containerStatuses"]
    return status["containerID"], status["restartCount"]


def _runs(node: Node, version: str) -> bool:
    """Whether it is this version that is ready, and nothing is on trial."""
    status = node.status()
    is_ready = bool(status.get("ready")) and status["version"] == version
    return is_ready and not status.get("upgrade", {}).get("trial")


def _try(node: Node, publisher: Publisher, candidate: Path, *more: str) -> str:
    """Have it tried: nobody but the test starts this machine's services anew."""
    told = node.machine.run(node.kedge, "upgrade", candidate, f"--keys={publisher.keys}", *more)
    node.machine.run(node.kedge, "stop")
    return told


def test_a_version_that_works_stays(lab: Lab, node: Node, publisher: Publisher) -> None:
    before = _container(lab)
    assert _runs(node, _OWN)
    told = _try(node, publisher, publisher.version(_NEXT))
    assert f"Version {_NEXT} is tried." in told
    node.wait_for(lambda: _runs(node, _NEXT), what=f"version {_NEXT}")
    node.machine.run(node.kedge, "stop")
    node.wait_for(lambda: _runs(node, _NEXT), what=f"version {_NEXT}, started again")
    lab.wait_for("the pod is known to be ready", lambda: bool(lab.wait_for_pods("app=stays")))
    assert _container(lab) == before
    assert lab.kubectl("exec", "stays", "--", "/agnhost", "help")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """A version that does not work: what its program does (None: it is a kedge), its time, and why it is left."""

    version: str
    how: str | None = None
    within: str
    why: str


@pytest.mark.parametrize(
    "case",
    [
        _Broken(version="0.3.0", how=CRASHES, within="1m", why="it was started 3 times and never was ready"),
        _Broken(version="0.4.0", how=HANGS, within="3s", why="it was not ready within 3s"),
        _Broken(version="0.5.0", within="1s", why="it was not ready within 1s"),
    ],
    ids=["ends", "hangs", "slow"],
)
def test_a_version_that_does_not_work_is_left(lab: Lab, node: Node, publisher: Publisher, case: _Broken) -> None:
    before, runs = _container(lab), node.status()["version"]
    candidate = publisher.broken(case.version, case.how) if case.how else publisher.version(case.version)
    _try(node, publisher, candidate, f"--ready-within={case.within}")

    def is_back() -> bool:
        return node.status().get("upgrade", {}).get("failed", {}).get("version") == case.version and _runs(node, runs)

    node.wait_for(is_back, what=f"back on {runs}")
    assert node.status()["upgrade"]["failed"]["why"].startswith(case.why)
    assert f"{case.version} did not work: {case.why}" in node.machine.run(node.kedge, "status")
    assert _container(lab) == before


def test_what_must_not_run_is_refused(node: Node, publisher: Publisher, tmp_path: Path) -> None:
    runs = node.status()["version"]
    stranger = Publisher.in_directory(tmp_path / "stranger", publisher.kedge)
    good = publisher.version("0.6.0").read_bytes()
    foreign = bytearray(good)
    foreign[18] = 183  # e_machine of elf(5): EM_AARCH64
    unsigned = publisher.directory / "kedge-unsigned"
    unsigned.write_bytes(good)
    altered = publisher.version("0.7.0")
    altered.write_bytes(altered.read_bytes()[:-1])
    for candidate, problem in {
        unsigned: "the signature cannot be read",
        stranger.version("0.6.0"): "it is of the key",
        altered: "is not what was signed",
        publisher.signed("elsewhere", bytes(foreign)): "is made for AARCH64",
        publisher.signed("script", b"#!/bin/sh\n"): "is no executable",
        publisher.version("0.0.9"): "version 0.0.9 is before",
        publisher.directory / "absent": "no such file",
    }.items():
        answer = node.machine.run("sh", "-c", f"! {node.kedge} upgrade {candidate} --keys={publisher.keys} 2>&1")
        assert problem in answer
    answer = node.machine.run("sh", "-c", f"! {node.kedge} upgrade {altered} --keys={tmp_path} 2>&1")
    assert "there is no key in" in answer
    assert _runs(node, runs)
    assert not [path for path in (node.machine.data / "kedge").iterdir() if path.name in {"0.6.0", "0.7.0", "0.0.9"}]


def test_a_version_can_be_taken_back(lab: Lab, node: Node) -> None:
    before = _container(lab)
    assert "that the machine came with is in use" in node.machine.run(node.kedge, "upgrade", "back")
    node.machine.run(node.kedge, "stop")
    node.wait_for(lambda: _runs(node, _OWN), what="the machine's own version")
    assert _container(lab) == before
