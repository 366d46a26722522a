"""Somebody who reads a guide and types what it says, and the controller on which they go on."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.fleet.directory import ClusterDirectory
from tests.integration.components.process import clean_environment, running, wait_for
from tests.integration.docs.commands import ROOT
from tests.integration.fleet.conftest import Bench
from tests.integration.worker.machine import Machine, running_machine

_DEVICE = "/dev/sdb"
_PATIENCE_S = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who types what a guide says, in a directory of their own; the card is a file."""

    place: Path
    card: Path
    said: list[str] = field(default_factory=list)

    def types(self, block: str) -> str:
        """What it prints; each command must succeed."""
        text = block.replace(_DEVICE, str(self.card))
        environment = {
            "PATH": f"{self.place / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.place),
            "BUILDER_PASSPHRASE_FILE": str(self.place / "passphrase"),
        }
        done = subprocess.run(
            ["/bin/sh", "-ec", text], cwd=self.place, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        self.said.extend((done.stdout, done.stderr))
        return done.stdout

    @property
    def cluster(self) -> ClusterDirectory:
        return ClusterDirectory(path=self.place / "clusters" / "mill")


def new_reader(bench: Bench, passphrase: str) -> Reader:
    """A reader with a card and an image that `bench` made."""
    place = bench.directory / "reader"
    program = place / "bin" / "builder"
    program.parent.mkdir(parents=True)
    # Clusters are kept in the checkout otherwise.
    words = shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", "-m", "builder"])
    program.write_text(f'#!/bin/sh\nexec {words} "$@" --clusters {shlex.quote(str(place / "clusters"))}\n')
    program.chmod(0o755)
    (place / "passphrase").write_text(f"{passphrase}\n")
    (place / "edge.img").write_bytes(bench.card().read_bytes())
    return Reader(place=place, card=bench.card("sdb.img"))


@contextmanager
def controller(machine: Machine, kedge: Path, block: str) -> Iterator[str]:
    """What the guide has people type on a controller: its last command runs until the context ends. Yields its PATH."""
    *first, last = block.splitlines()
    programs = machine.data.parent / "bin"
    programs.mkdir(exist_ok=True)
    if not (programs / "kedge").exists():
        (programs / "kedge").symlink_to(kedge)
    path = f"PATH={programs}:$PATH"
    machine.run("sh", "-ec", "\n".join(first))
    with running(
        machine.inside("sh", "-ec", f"{path}; exec {last}"), name="controller", directory=machine.data.parent
    ) as daemon:
        status = machine.inside("sh", "-c", f"{path}; kedge status -o json || true")
        wait_for(daemon, lambda: '"ready": true' in _said(status), what="ready", timeout_s=_PATIENCE_S)
        yield path
    # Its first process is nsenter, which does not wait for what it started.
    machine.run("flock", "--timeout=60", "/var/lib/kedge/kedge.lock", "true")


@contextmanager
def reachable_machine(directory: Path) -> Iterator[Machine]:
    """A machine with the address that the guide's cluster has."""
    with running_machine("barn", directory) as machine:
        machine.run(*["ip", "link", "add", "eth0", "type", "bridge"])
        machine.address("eth0", "192.0.2.7/24")
        machine.run(*["ip", "link", "set", "eth0", "up"])
        yield machine


def _said(argv: list[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, env=clean_environment({}), check=False).stdout
