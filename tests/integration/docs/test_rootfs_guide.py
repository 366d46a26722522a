"""The guide to root file systems, followed to the letter."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.docs.commands import ROOT, documented_commands

GUIDE = "docs/guides/rootfs.md"
# Blocks whose first line is a comment with a path are files.
_FILE = re.compile(r"^```(?:yaml|ini|jinja)\n# (gateways/\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What somebody has who typed in the files of the guide."""
    for name in ("recipes", "cluster", "overlays"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, text in _FILE.findall((ROOT / GUIDE).read_text()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    keeper = tmp_path / "gateways/overlays/common/etc/gateway/.gitkeep"
    keeper.parent.mkdir(parents=True)
    keeper.touch()
    return tmp_path


@pytest.mark.network
def test_every_command_works(checkout: Path) -> None:
    commands = [command for command in documented_commands() if command.file == GUIDE]
    assert len(commands) == 4
    told = []
    for command in commands:
        out = ["--out", str(checkout / "out"), "-q"] if "make" in command.words else []
        done = subprocess.run(
            [sys.executable, "-P", "-m", "builder", *command.words[1:], *out],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        told.append(done.stdout)
    place = checkout / "out/gateway/amd64/rootfs"
    assert {"rootfs.tar", "changes.json"} <= {path.name for path in place.iterdir()}
    changed = {one["path"]: one for one in json.loads(told[3])["architectures"]["amd64"]}
    assert "/etc/systemd/system/multi-user.target.wants/gateway.service" in changed
    assert (changed["/etc/gateway"]["mode"], changed["/etc/gateway"]["group"]) == ("0750", "adm")
    assert changed["/etc/gateway.conf"]["owner"] == "ada"
    assert "/etc/gateway.conf" in told[2]
