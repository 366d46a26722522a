"""Roots of processes, each in namespaces of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.roots.root import Root, put
from tests.integration.roots.space import Space, environment, making_space

REPOSITORY = Path(__file__).resolve().parents[3]
# Where the controller manager makes a directory for plugins of volumes, unasked.
UNASKED = "usr"
HEALTHY = {"kube-apiserver": "ok", "kube-controller-manager": "ok", "kube-scheduler": "ok"}


@pytest.fixture
def space() -> Iterator[Space]:
    with making_space() as space:
        yield space


@pytest.fixture
def empty(space: Space, kedge: Path, tmp_path: Path) -> Root:
    """A root with nothing but kedge: no /proc, no /dev, no /tmp, no /etc."""
    put(kedge, tmp_path / "root/kedge")
    return Root(directory=tmp_path / "root", space=space)


def control_plane_in(root: Root) -> None:
    """Run a control plane until it is healthy; fails when it left anything where it was not told to."""
    before = root.files()
    driver = [sys.executable, "-P", "-m", "tests.integration.roots.control_plane", str(root.directory), *root.emulator]
    settings = {**environment(), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(root.space.enter(*driver), env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == HEALTHY
    assert {one for one in root.files() if not one.startswith("/run/cp/")} == before
    assert {path.name for path in root.directory.iterdir()} == {*(one[1:] for one in before), "run", UNASKED}
