"""The machine that is measured on, and the state of the checkout."""

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.git import git
from builder.core.digest import Json
from builder.core.resources import format_size
from builder.io.machine import machine_resources
from builder.io.space import unescape

# What of the checkout shapes the figures.
_MEASURED = ("builder", "builderw", "cluster", "recipes", "scripts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What decides how quick a build is. `file_system` is the type of the cache directory's."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    file_system: str

    def __str__(self) -> str:
        memory = format_size(self.memory_bytes)
        return f"{self.cpu}, {self.cores} cores, {memory} of memory, Linux {self.kernel}, {self.file_system}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """When and under what conditions a group was measured; `load` is the average of the minute before (proc(5))."""

    machine: Machine
    at: datetime
    commit: str
    load: float

    def to_json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "machine": asdict(self.machine),
            "at": self.at.isoformat(timespec="seconds"),
            "commit": self.commit,
            "load": self.load,
        }


def describe_machine(cache: Path) -> Machine:
    """This machine, with the cache in the directory `cache`."""
    resources = machine_resources()
    return Machine(
        cpu=_cpu_model(Path("/proc/cpuinfo").read_text()),
        cores=resources.cores,
        memory_bytes=resources.memory_bytes,
        kernel=platform.release(),
        file_system=file_system_of(cache.resolve(), Path("/proc/self/mounts").read_text()),
    )


def _cpu_model(text: str) -> str:
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def file_system_of(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`, by the content `mounts` of /proc/self/mounts (proc(5))."""
    rows = [line.split(" ") for line in mounts.splitlines()]
    holding = [(unescape(row[1]), row[2]) for row in rows if path.is_relative_to(unescape(row[1]))]
    # Of mounts on the same point the last one covers the others.
    return max(enumerate(holding), key=lambda item: (len(item[1][0]), item[0]))[1][1] if holding else "unknown"


def describe_commit(root: Path, environment: Mapping[str, str]) -> str:
    """The commit of the checkout at `root`, marked when it has uncommitted changes, which clones do not have."""
    commit = git("-C", str(root), "rev-parse", "--short=10", "HEAD", env=environment)
    changes = git("-C", str(root), "status", "--porcelain", "--", *_MEASURED, env=environment)
    return f"{commit} (with uncommitted changes)" if changes else commit


def load_average() -> float:
    """How many processes wanted a core in the last minute."""
    return os.getloadavg()[0]
