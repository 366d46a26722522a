"""Asking a cluster from within its controller: the words, run by a real shell, and what is made of the answers."""

import json
import subprocess
from pathlib import Path

import pytest

from builder.core.errors import VerificationError
from builder.fleet.role import Role
from builder.lab.agent import Answer
from builder.lab.conduct import Conductor
from builder.lab.inside import InsideWatch, controller_inside, kubectl_inside
from builder.lab.plan import PlannedNetwork
from builder.lab.stages import Stage
from tests.unit.lab.test_conduct import Hands, conductor

NODES = {
    "items": [
        {
            "metadata": {"name": "barn"},
            "status": {"nodeInfo": {"bootID": "a"}, "conditions": [{"type": "Ready", "status": "True"}]},
        }
    ]
}


def asked(directory: Path, script: str, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """What a shell says whose `kedge` is `script`."""
    kedge = directory / "kedge"
    kedge.write_text(f"#!/bin/sh\n{script}\n")
    kedge.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "-c", kubectl_inside(arguments, typed)],
        env={"PATH": f"{directory}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_kubectl_reads_and_answers(tmp_path: Path) -> None:
    said = asked(tmp_path, 'echo a warning >&2; echo "$@"; cat', "get", "pods", "-l", "a b'c", typed="kind: x\n'$y'\n")
    assert (said.returncode, said.stdout) == (0, "kubectl get pods -l a b'c\nkind: x\n'$y'\n")


def test_why_kubectl_fails_is_told(tmp_path: Path) -> None:
    said = asked(tmp_path, "echo half; echo nobody answers >&2; exit 7", "get", "nodes")
    assert said.returncode == 1
    assert "nobody answers" in said.stdout


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"has_agent": True}, "barn"),
        ({"has_agent": True, "networks": (PlannedNetwork(name="wire", address="192.168.100.10/24"),)}, "barn"),
        ({"has_agent": True, "ssh_port": 15002}, ""),
        ({"has_agent": False}, ""),
        ({"has_agent": True, "role": None}, ""),
    ],
    ids=["alone", "in a segment", "behind a nat", "without a shell", "without a role"],
)
def test_who_is_asked_from_within(change: dict[str, object], found: str, tmp_path: Path) -> None:
    plan = conductor(tmp_path, Hands())[0].plan
    barn = plan.machines[0].model_copy(update={"role": Role.SINGLE, **change})
    assert controller_inside(plan.model_copy(update={"machines": (barn,)})) == found


class Answering(Conductor):
    """A lab whose controller answers what `answer` is."""

    answer: Answer | None = None

    def run(self, name: str, command: str, timeout_s: float) -> Answer:
        assert (name, timeout_s > 1) == ("barn", True)
        assert "kubectl get --raw" in command
        if self.answer is None:
            raise VerificationError("no shell answers")
        return self.answer


def test_what_a_watch_from_within_sees(tmp_path: Path) -> None:
    made, barn, _ = conductor(tmp_path, Hands())
    lab = Answering(plan=made.plan, stations=made.stations, wires=made.wires, clocks=made.clocks)
    watch = InsideWatch(lab, "barn")
    lab.answer = Answer(status=0, output=json.dumps(NODES))
    assert watch.look() is None  # it is off
    barn.boot(0)
    barn.boots[-1].reach(Stage.USERSPACE, 1)
    assert watch.look() is None  # nobody would answer
    barn.boots[-1].reach(Stage.FIRST_BOOT, 2)
    seen = watch.look()
    assert seen is not None
    assert (seen["barn"].is_ready, seen["barn"].boot) == (True, "a")
    assert watch.is_ready()
    for answer in (Answer(status=3, output=""), Answer(status=0, output="no JSON"), None):
        lab.answer = answer
        assert watch.look() is None
    assert not watch.is_ready()
