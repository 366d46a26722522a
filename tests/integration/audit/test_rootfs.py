"""A root file system that no device should get fails its build, and everything that is wrong with it is told at once."""

import os
from pathlib import Path

import pytest

from builder.app.make import targets_of
from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.app.workspace import open_workspace
from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.core.output import Output
from tests.unit.audit.writer import Elf

ROOT = Path(__file__).parents[3]
RECIPE = """\
extends: {root}/recipes/edge.yaml
name: faulty
cluster: {{device: {{kernel_needs: needs.json}}}}
rootfs:
  overlays: {{faulty: {{directory: overlay}}}}
  units: {{started.service: enabled}}
"""
FILES = {
    "usr/lib/systemd/system/started.service": (
        "[Service]\nExecStart=/usr/bin/nothing\nMemoryMaximum=1G\n[Install]\nWantedBy=multi-user.target\n"
    ),
    "usr/lib/systemd/system/idle.service": "[Service]\nExecStart=/usr/bin/sleep 1\n",
    "usr/lib/systemd/system/ssh.service.d/10-faulty.conf": "[Service]\nRestartt=always\n",
    "etc/ssh/ssh_host_ed25519_key": "somebody's\n",
    "etc/app.conf": "token: abcdef.0123456789abcdef\n",
    "etc/place.conf": "{place}\n",
}
NEEDS = '[{"option": "NOT_THERE", "for": "this test", "need": "required", "roles": ["worker"]}]\n'
UNITS = "/usr/lib/systemd/system"

pytestmark = pytest.mark.network


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    cache = find_project(os.environ).caches.debian
    for name, text in FILES.items():
        path = tmp_path / "overlay" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(place=cache) if name == "etc/place.conf" else text)
    program = tmp_path / "overlay/opt/app/program"
    program.parent.mkdir(parents=True)
    program.write_bytes(Elf.good(Arch.ARMV7).build())
    (tmp_path / "needs.json").write_text(NEEDS)
    (tmp_path / "faulty.yaml").write_text(RECIPE.format(root=ROOT))
    return tmp_path / "faulty.yaml"


def details(recipe: Path, *overrides: str) -> list[str]:
    (target,) = targets_of(open_workspace(recipe, overrides), Wanted(archs=[Arch.AMD64], outputs=[Output.ROOTFS]))
    told: list[object] = []
    with Session(find_project(os.environ), Settings(), sink=told.append) as session, pytest.raises(BuilderError):
        session.obtain(target.step)
    (failure,) = [str(one) for one in told if "not fit for devices" in str(one)]
    return failure.splitlines()


def test_everything_is_told_at_once(recipe: Path) -> None:
    told = "\n".join(details(recipe))
    cache = find_project(os.environ).caches.debian
    for line in (
        f"{UNITS}/started.service: Command /usr/bin/nothing is not executable",
        f"{UNITS}/started.service: Unknown key 'MemoryMaximum' in section [Service]",
        f"{UNITS}/idle.service: nothing starts it",
        f"{UNITS}/ssh.service.d/10-faulty.conf: Unknown key 'Restartt' in section [Service]",
        "/etc/ssh/ssh_host_ed25519_key: an SSH host key, which every copy would share",
        "/etc/app.conf: line 1 holds a bootstrap token",
        f"/etc/place.conf: names the machine that builds: {cache}",
        "/opt/app/program: made for armv7, not for amd64",
        "CONFIG_NOT_THERE is not set: this test",
    ):
        assert line in told
