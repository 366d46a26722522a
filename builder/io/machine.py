"""What this machine, or the control group that confines the builder on it, has to offer."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from builder.core.resources import KIB, MACHINE_CONNECTIONS, Resources
from builder.io.space import unescape

_ROOT = Path("/")


def machine_resources() -> Resources:
    """The cores, the memory and the connections that the builder may use."""
    found = resources_below(_ROOT, affinity=len(os.sched_getaffinity(0)))
    return replace(found, connections=MACHINE_CONNECTIONS)


def available_memory() -> int:
    """Bytes that programs can still take without swapping, as the kernel reckons."""
    return _memory(_ROOT, "MemAvailable")


def free_resources() -> Resources:
    """As `machine_resources`, with no more memory than `available_memory`."""
    here = machine_resources()
    return replace(here, memory_bytes=min(here.memory_bytes, available_memory()))


def host_name() -> str:
    """The machine's name."""
    return os.uname().nodename


def resources_below(root: Path, *, affinity: int) -> Resources:
    """What the copies of /proc and /sys below `root` tell, with `affinity` cores that the process may run on.

    Cores: the affinity or the smallest quota of the control group and its ancestors, rounded down, at least one.
    Memory: the machine's, or the smallest limit of those groups.
    """
    groups = list(_control_groups(root))
    quotas = [quota for group in groups if (quota := _cpu_quota(group)) is not None]
    limits = [limit for group in groups for limit in _memory_limits(group)]
    return Resources(
        cores=max(1, int(min([affinity, *quotas]))),
        memory_bytes=min([_memory(root, "MemTotal"), *limits]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    """A mounted control group hierarchy; `inside` is the group that is mounted at `point`.

    `controllers` is empty for version 2, where one hierarchy has all of them.
    """

    point: PurePosixPath
    inside: PurePosixPath
    controllers: frozenset[str]


def _memory(root: Path, wanted: str) -> int:
    for line in (root / "proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == wanted:
            return int(value.removesuffix("kB")) * KIB
    raise ValueError(f"/proc/meminfo has no {wanted}")


def _control_groups(root: Path) -> Iterator[Path]:
    """The directories of the groups of this process and of all their ancestors that are mounted."""
    mounts = list(_mounts(root))
    for line in _lines(root / "proc/self/cgroup"):
        _, names, path = line.split(":", 2)
        controllers = frozenset(filter(None, names.split(",")))
        for mount in mounts:
            if mount.controllers == controllers or mount.controllers & controllers:
                yield from _ancestors(root, mount, PurePosixPath(path))


def _ancestors(root: Path, mount: _Mount, group: PurePosixPath) -> Iterator[Path]:
    top = root / mount.point.relative_to("/")
    # In a container without a namespace of its own the path is the host's, and only a part of it is mounted.
    relative = group.relative_to(mount.inside) if group.is_relative_to(mount.inside) else PurePosixPath()
    for part in (relative, *relative.parents):
        yield top / part


def _mounts(root: Path) -> Iterator[_Mount]:
    """The control group hierarchies in /proc/self/mountinfo (proc(5), cgroups(7))."""
    for line in _lines(root / "proc/self/mountinfo"):
        head, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        if kind not in ("cgroup", "cgroup2"):
            continue
        inside, point = (PurePosixPath(unescape(field)) for field in head.split()[3:5])
        controllers = frozenset(options.split(",")) - {"rw", "ro"} if kind == "cgroup" else frozenset[str]()
        yield _Mount(point=point, inside=inside, controllers=controllers)


def _cpu_quota(group: Path) -> float | None:
    """The cores that a group may use at once; cpu.max (version 2) or cpu.cfs_quota_us (version 1)."""
    text = _read(group / "cpu.max")
    if text:
        quota, period = text.split()
        return None if quota == "max" else int(quota) / int(period)
    quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota and period and int(quota) > 0 else None


def _memory_limits(group: Path) -> Iterator[int]:
    """Hard and soft limits in bytes; beyond memory.high the kernel slows a group down until it is of no use."""
    for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
        text = _read(group / name)
        if text and text != "max":
            yield int(text)


def _lines(path: Path) -> list[str]:
    return _read(path).splitlines()


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
