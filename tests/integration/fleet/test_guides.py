"""The guides to trust and to first boot, word for word: by their operator, and on a controller."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.fleet.directory import ClusterDirectory
from tests.integration.components.process import clean_environment, running, wait_for
from tests.integration.docs.commands import ROOT, blocks
from tests.integration.fleet.conftest import Bench
from tests.integration.worker.machine import Machine, missing, running_machine

TRUST, FIRST_BOOT = "docs/guides/trust.md", "docs/guides/first-boot.md"
GUIDES = (TRUST, FIRST_BOOT)
_DEVICE = "/dev/sdb"
_PATIENCE_S = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who types what a guide says, in a directory of their own; the card is a file."""

    place: Path
    card: Path

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
        return done.stdout

    @property
    def cluster(self) -> ClusterDirectory:
        return ClusterDirectory(path=self.place / "clusters" / "mill")


@pytest.fixture
def reader(bench: Bench) -> Reader:
    place = bench.directory / "reader"
    program = place / "bin" / "builder"
    program.parent.mkdir(parents=True)
    # Clusters are kept in the checkout otherwise.
    words = shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", "-m", "builder"])
    program.write_text(f'#!/bin/sh\nexec {words} "$@" --clusters {shlex.quote(str(place / "clusters"))}\n')
    program.chmod(0o755)
    (place / "passphrase").write_text("correct horse\n")
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


def _said(argv: list[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, env=clean_environment({}), check=False).stdout


def test_trust(reader: Reader, bench: Bench, kedge: Path) -> None:
    if problem := missing():
        pytest.skip(problem)
    make, export, begin, kubeconfig, cards, revoke, tell, rotate, store = blocks(TRUST)
    reader.types(make)
    assert sorted(reader.cluster.read().nodes) == ["barn", "field-1", "field-2"]
    reader.types(export + kubeconfig + cards)
    assert (reader.place / "mill.kubeconfig").exists()
    assert sorted(path.name for path in (reader.place / "overlays").iterdir()) == ["barn", "field-1", "field-2"]
    assert bench.files(reader.card) == ["EFI/", "credential.pem", "grub/", "node.yaml"]
    assert bench.files(reader.place / "edge.img") == ["EFI/", "grub/", "node.yaml"]

    def there(block: str) -> str:
        """On the controller, where the archive was brought."""
        return block.replace("mill.tar", str(reader.place / "mill.tar"))

    with running_machine("barn", bench.directory) as machine:
        machine.run(*"ip link add eth0 type bridge".split())
        machine.address("eth0", "192.0.2.7/24")
        machine.run(*"ip link set eth0 up".split())
        with controller(machine, kedge, there(begin)) as path:
            kubectl = f"{path}; kedge kubectl"
            machine.run("sh", "-ec", f"{kubectl} create secret generic told --from-literal=a=b")
            reader.types(revoke)
            machine.run("sh", "-ec", there(tell))
        assert '"field-2"' in (machine.data / "pki" / "revoked.json").read_text()
        reader.types(rotate)
        with controller(machine, kedge, there(begin)) as path:
            assert "secret/told replaced" in machine.run("sh", "-ec", f"{path}; {store}")


def test_first_boot(reader: Reader, bench: Bench) -> None:
    (make,) = blocks(FIRST_BOOT)
    reader.types("builder cluster init mill --endpoint mill.example.com")
    reader.types(make)
    image = reader.place / "edge.img"
    assert bench.files(image) == ["EFI/", "controller.tar", "grub/", "kedge.yaml", "node.yaml"]
    assert b'name: "barn"\nrole: single\n' in bench.read(image, "node.yaml")
