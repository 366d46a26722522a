"""`builder lab` as people use it, with guests of one sector, and looking for what is left of a lab."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from builder.app.project import find_project
from builder.io.detached import marked_processes
from builder.lab.end import MARKS
from builder.lab.place import LabPlace, labs_directory
from builder.lab.status import LabStatus
from tests.integration.vm.guests import ECHO, say, write_guest

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 120.0
PAIR = """
networks:
  wire: {{kind: segment}}
  uplink: {{kind: nat}}
machines:
  one: {{image: {image}, machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [wire, uplink]}}
  two: {{image: {image}, machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [wire]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a lab of the name `name` is described, in `file`, and used."""

    name: str
    file: Path

    @property
    def place(self) -> LabPlace:
        return LabPlace(path=labs_directory(find_project(os.environ).cache) / self.name)

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.lab("up", str(self.file), "--name", self.name, "--no-wait", *arguments)

    def use(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.lab(command, "--lab", self.name, *arguments)

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv(*arguments), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )  # fmt: skip

    def status(self) -> LabStatus:
        told = self.use("status", "--json")
        assert told.returncode == 0, told.stderr
        return LabStatus.model_validate_json(told.stdout, strict=False)

    def left(self) -> list[str]:
        """What there is of the lab: processes and files."""
        processes = [f"process {stat.pid}" for stat in marked_processes(MARKS, self.place.path)]
        return [
            *processes,
            *map(str, self.place.path.glob("**/*")),
            *([str(self.place.path)] if self.place.path.exists() else []),
        ]


def argv(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "builder", "lab", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def write_pair(directory: Path, name: str, **changes: str) -> Desk:
    """Two machines that say they are up, and then all that is typed."""
    image = write_guest(directory / "guest.img", say("systemd[1]: up\r\n") + ECHO)
    file = directory / f"{name}.yaml"
    text = PAIR.format(image=image)
    for old, new in changes.items():
        text = text.replace(old, new)
    file.write_text(text)
    return Desk(name=name, file=file)
