"""In a directory with nothing but kedge: what it can do there, and what it leaves behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from builder.payload.reader import read_payload
from tests.integration.components.invoke import component_versions, invoke
from tests.integration.components.test_invocation import COMPONENTS, VERSION_ARGUMENTS
from tests.integration.roots.root import KEDGE, Root
from tests.integration.roots.space import environment

REPOSITORY = Path(__file__).resolve().parents[3]
HEALTHY = {"kube-apiserver": "ok", "kube-controller-manager": "ok", "kube-scheduler": "ok"}
# Where the controller manager makes a directory for plugins of volumes, unasked.
UNASKED = "usr"


def test_there_is_nothing_but_kedge(empty: Root) -> None:
    assert empty.files() == {KEDGE}
    assert empty.run("/bin/true").returncode == 127


def test_it_tells_all_versions(empty: Root, kedge: Path) -> None:
    assert empty.kedge("version") == invoke(kedge, "version").stdout
    inside, outside = (json.loads(one) for one in (
        empty.kedge("version", "--all", "-o", "json"), invoke(kedge, "version", "--all", "-o", "json").stdout
    ))  # fmt: skip
    assert inside == outside
    assert len(inside["components"]) == len(component_versions(kedge))


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_starts(empty: Root, kedge: Path, component: str) -> None:
    question = VERSION_ARGUMENTS.get(component, ("--version",))
    assert empty.kedge(component, *question) == invoke(kedge, component, *question).stdout


def test_helpers_are_listed_verified_and_unpacked(empty: Root, kedge: Path) -> None:
    payload = read_payload(kedge)
    assert payload is not None
    names = {one.path for one in payload.index.files}
    listed = {line.split()[0] for line in empty.kedge("payload", "list").splitlines() if "/" in line}
    assert names == {name for name in listed if "/" in name and not name.startswith("->")}
    empty.kedge("payload", "verify")
    place = empty.kedge("payload", "unpack").strip()
    left = empty.files() - {KEDGE}
    assert {f"{place}/{name}" for name in names} <= left
    assert all(one.startswith("/var/lib/kedge/") for one in left)


def test_it_tells_what_the_machine_lacks(empty: Root) -> None:
    done = empty.run(KEDGE, "sysinfo")
    assert done.returncode == 1
    assert "mount proc at /proc" in done.stdout
    assert empty.files() == {KEDGE}


def test_a_control_plane_becomes_ready(empty: Root) -> None:
    driver = [sys.executable, "-P", "-m", "tests.integration.roots.control_plane", str(empty.directory)]
    done = subprocess.run(
        empty.space.enter(*driver), env={**environment(), "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == HEALTHY
    assert {one for one in empty.files() if not one.startswith("/run/cp/")} == {KEDGE}
    assert {path.name for path in empty.directory.iterdir()} == {"kedge", "run", UNASKED}
