"""The lab of the guide, for real: the default images of this project as a controller and a worker, each behind NAT."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.lab.commands import ROOT, environment
from tests.integration.lab.test_guide import NEEDS_NODES, commands

_READY_S = 7200.0
_S = 900.0


def builder(*words: str, timeout_s: float = _S) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-m", "builder", *words]
    return subprocess.run(
        argv, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=timeout_s
    )  # fmt: skip


@pytest.mark.slow
def test_the_pair_of_the_guide(tmp_path: Path) -> None:
    made = builder("make", "--arch", "amd64", "--out", str(tmp_path / "out"), timeout_s=_READY_S)
    assert made.returncode == 0, made.stderr
    name = f"guide-{tmp_path.name[-8:].strip('_-').replace('_', '-')}"
    up = builder(
        "lab", "up", "recipes/labs/pair.yaml", "--name", name, "--out", str(tmp_path / "out"), timeout_s=_READY_S
    )  # fmt: skip
    try:
        assert up.returncode == 0, up.stderr
        said = []
        for words in commands():
            if shlex.join(words).startswith(NEEDS_NODES):
                done = builder(*words[:2], "--lab", name, *words[2:])
                assert done.returncode == 0, done.stderr
                said.append(done.stdout)
        kubectl, ran, ssh = said
        assert kubectl.splitlines()[1].split()[:2] == ["field-1", "Ready"]
        assert (ran, ssh) == ("x86_64\n", "x86_64\n")
        refused = builder("lab", "run", "--lab", name, "field-1", "--", "exit 7")
        assert refused.returncode == 7
    finally:
        assert builder("lab", "down", "--lab", name).returncode == 0


@pytest.mark.slow
def test_the_slow_scenarios(tmp_path: Path) -> None:
    made = builder("make", "--arch", "amd64", "--out", str(tmp_path / "out"), timeout_s=_READY_S)
    assert made.returncode == 0, made.stderr
    ran = builder(
        "test", "--tag", "slow", "--out", str(tmp_path / "out"), "--results", str(tmp_path / "results"),
        timeout_s=4 * _READY_S,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
