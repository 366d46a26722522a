"""In a directory with nothing but kedge: what it can do there, and what it leaves behind."""

import json
from pathlib import Path

import pytest

from tests.integration.components.invoke import component_versions, invoke
from tests.integration.components.test_invocation import COMPONENTS, VERSION_ARGUMENTS
from tests.integration.roots.conftest import control_plane_in
from tests.integration.roots.root import KEDGE, Root

HELPERS = {
    "bin/containerd-shim-runc-v2", "bin/nft", "bin/runc", "cni/bridge", "cni/host-local", "cni/loopback", "cni/portmap"
}  # fmt: skip


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


def test_helpers_are_listed_verified_and_unpacked(empty: Root) -> None:
    names = empty.helpers()
    assert names >= HELPERS
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
    control_plane_in(empty)
