"""The processes of one machine of the native lab: what they are, what they take."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.smaps import Usage, read_rollup
from tests.integration.worker.machine import Machine

# What pods run, and what the machine itself is made of.
_OTHERS = frozenset({"agnhost", "pause", "sleep", "unshare", "sh"})
_PROC = Path("/proc")
# In /proc/PID/stat behind the name, which may have blanks: user's and system's time, in ticks (proc_pid_stat(5)).
_TIMES = slice(11, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a process has taken so far: memory now, processor time since it began."""

    name: str
    usage: Usage
    processor_s: float


def taken_by(machine: Machine) -> Mapping[int, Taken]:
    """Every process of kedge in the machine, by its number outside."""
    inside = Path(f"/proc/{machine.pid}/ns/pid").readlink()
    found = {}
    for place in _PROC.iterdir():
        if place.name.isdigit():
            try:
                if (place / "ns/pid").readlink() == inside:
                    taken = _taken(place)
                    if taken.name not in _OTHERS:
                        found[int(place.name)] = taken
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it has just ended
    return found


def _taken(place: Path) -> Taken:
    stat = (place / "stat").read_text()
    name, _, rest = stat.partition("(")[2].rpartition(")")
    ticks = sum(map(int, rest.split()[_TIMES]))
    usage = read_rollup((place / "smaps_rollup").read_text())
    return Taken(name=name, usage=usage, processor_s=ticks / os.sysconf("SC_CLK_TCK"))
