from pathlib import Path

import pytest

from builder.core.resources import GIB, MIB, Resources
from builder.io.machine import machine_resources, resources_below

MEMINFO = "MemTotal:        8000000 kB\nMemFree:         1000000 kB\n"
TOTAL = 8000000 * 1024
V2_MOUNT = "31 23 0:28 {inside} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = (
    "25 20 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 {inside} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {inside} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(tmp_path, {"proc/meminfo": MEMINFO})
    return tmp_path


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_a_machine_without_control_groups(root: Path) -> None:
    assert resources_below(root, affinity=4) == Resources(cores=4, memory_bytes=TOTAL)


def test_version_2_limits_of_all_ancestors(root: Path) -> None:
    put(
        root,
        {
            "proc/self/cgroup": "0::/user.slice/build.scope\n",
            "proc/self/mountinfo": V2_MOUNT.format(inside="/"),
            "sys/fs/cgroup/user.slice/memory.max": f"{3 * GIB}\n",
            "sys/fs/cgroup/user.slice/cpu.max": "250000 100000\n",
            "sys/fs/cgroup/user.slice/build.scope/memory.max": "max\n",
            "sys/fs/cgroup/user.slice/build.scope/memory.high": "max\n",
            "sys/fs/cgroup/user.slice/build.scope/cpu.max": "max 100000\n",
        },
    )
    assert resources_below(root, affinity=4) == Resources(cores=2, memory_bytes=3 * GIB)


def test_a_soft_limit_counts(root: Path) -> None:
    put(
        root,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2_MOUNT.format(inside="/"),
            "sys/fs/cgroup/memory.high": f"{GIB}\n",
            "sys/fs/cgroup/memory.max": f"{2 * GIB}\n",
        },
    )
    assert resources_below(root, affinity=4).memory_bytes == GIB


def test_less_than_one_core_is_one(root: Path) -> None:
    put(
        root,
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2_MOUNT.format(inside="/"),
            "sys/fs/cgroup/cpu.max": "20000 100000\n",
        },
    )
    assert resources_below(root, affinity=8).cores == 1


def test_a_container_that_sees_the_hosts_paths(root: Path) -> None:
    """Docker without a namespace for control groups: the path is the host's, mounted is only the container's group."""
    put(
        root,
        {
            "proc/self/cgroup": "4:memory:/docker/0123\n3:cpu,cpuacct:/docker/0123\n1:name=systemd:/docker/0123\n",
            "proc/self/mountinfo": V1_MOUNTS.format(inside="/docker/0123"),
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{512 * MIB}\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    assert resources_below(root, affinity=8) == Resources(cores=3, memory_bytes=512 * MIB)


def test_version_1_without_limits(root: Path) -> None:
    put(
        root,
        {
            "proc/self/cgroup": "4:memory:/a/b\n3:cpu,cpuacct:/a\n0::/\n",
            "proc/self/mountinfo": V1_MOUNTS.format(inside="/"),
            "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": f"{GIB}\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        },
    )
    assert resources_below(root, affinity=2) == Resources(cores=2, memory_bytes=GIB)


def test_this_machine() -> None:
    resources = machine_resources()
    assert resources.cores >= 1
    assert resources.memory_bytes > 64 * MIB
    assert resources.connections == 8
