"""The base that all devices have, as it lies in root file systems of both Debian 12 and 13."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.make import targets_of
from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.app.workspace import open_workspace
from builder.core.arch import Arch
from builder.core.output import Output
from builder.formats.tar import REGULAR, SYMLINK
from builder.rootfs.compare import Archive, open_archive
from builder.steps.kinds.rootfs import OUTPUT

ROOT = Path(__file__).parents[3]
UNITS = "etc/systemd/system"
PLACES = (f"{UNITS}/", "usr/lib/systemd/system/")
# What the scripts in usr/lib/device run; a shell has the rest.
PROGRAMS = {
    "grow-data": ("mountpoint", "readlink", "cat", "dirname", "sfdisk", "partx", "resize2fs"),
    "name-host": ("systemd-id128",),
    "make-ssh-key": ("mkdir", "chmod", "rm", "mktemp", "ssh-keygen", "sync", "mv", "rmdir"),
    "give-up": ("systemctl", "sleep"),
}

pytestmark = pytest.mark.network


@pytest.fixture(scope="module", params=[Arch.ARMV7, Arch.AMD64])
def system(request: pytest.FixtureRequest) -> Iterator[Archive]:
    workspace = open_workspace(ROOT / "recipes/edge.yaml", ())
    (target,) = targets_of(workspace, Wanted(archs=[request.param], outputs=[Output.ROOTFS]))
    with Session(find_project(os.environ), Settings()) as session:
        made = session.obtain(target.step)
    with open_archive(made / OUTPUT) as archive:
        yield archive


def test_identity_lies_on_the_data_partition_and_is_nobodys(system: Archive) -> None:
    assert (system.members["etc/machine-id"].type, system.members["etc/machine-id"].link) == (
        SYMLINK,
        "../var/lib/device/machine-id",
    )
    # There and empty: were it missing, systemd would start units by presets.
    assert system.content("var/lib/device/machine-id") == b""
    assert "etc/hostname" not in system.members
    assert not [path for path in system.members if "ssh_host_" in path]


def test_nothing_that_was_made_by_the_build_is_made_again_at_the_first_start(system: Archive) -> None:
    """systemd compares the dates of these files with that of /usr (ConditionNeedsUpdate= in systemd.unit(5))."""
    newest = system.members["usr"].mtime_s
    for path in ("etc/.updated", "var/.updated", "usr/lib/clock-epoch"):
        assert system.members[path].type == REGULAR
        assert system.members[path].mtime_s >= newest
    assert "usr/lib/udev/hwdb.bin" in system.members
    assert "etc/ld.so.cache" in system.members


def test_nothing_waits_for_the_network(system: Archive) -> None:
    assert system.members[f"{UNITS}/systemd-networkd-wait-online.service"].link == "/dev/null"
    wishes = [
        path for path in system.members if path.startswith(PLACES) and (".wants/" in path or ".requires/" in path)
    ]
    assert f"{UNITS}/multi-user.target.wants/systemd-networkd.service" in wishes
    assert not [path for path in wishes if path.endswith(("-wait-online.service", "systemd-time-wait-sync.service"))]


@pytest.mark.parametrize("script", PROGRAMS)
def test_programs_of_scripts_are_there(script: str, system: Archive) -> None:
    path = system.members[f"usr/lib/device/{script}"]
    assert path.mode == 0o755
    for program in PROGRAMS[script]:
        assert {f"usr/bin/{program}", f"usr/sbin/{program}"} & set(system.members), program
