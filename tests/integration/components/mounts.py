"""A private view of the file system for a component that insists on a host of its own."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

# What the kubelet wants of the kernel's settings; with the real ones it would have to change the host.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
# The kubelet keeps its device plugins' socket in /var/lib/kubelet and links to logs in /var/log whatever its root
# directory is: beside another kubelet it would remove that one's socket.
SCRIPT = """\
set -eu
test -e /sys/fs/cgroup/cgroup.controllers || mount -t cgroup2 none /sys/fs/cgroup
for kept in /var/log /var/lib/kubelet; do
    mkdir -p "$kept"
    mount -t tmpfs none "$kept"
done
for setting in $KERNEL_SETTINGS; do
    mount --bind "$SETTINGS_DIRECTORY/$setting" "/proc/sys/$setting"
done
exec "$@"
"""


def has_cgroup_v2() -> bool:
    """Whether the host's control groups are the unified hierarchy."""
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def missing_for_private_mounts() -> str:
    """Why no private mounts can be made here; empty when they can."""
    if os.geteuid() != 0:
        return "only root may mount"
    absent = [tool for tool in ("unshare", "mount", "sh") if shutil.which(tool) is None]
    return f"not on the PATH: {', '.join(absent)}" if absent else ""


def with_private_mounts(argv: Sequence[str], directory: Path) -> tuple[list[str], dict[str, str]]:
    """The command line and environment that start `argv` with cgroup v2, kernel settings and directories of its own.

    The process id stays the same through all of it, so the component is ended like any other.
    """
    for name, value in KERNEL_SETTINGS.items():
        setting = directory / "sys" / name
        setting.parent.mkdir(parents=True, exist_ok=True)
        setting.write_text(f"{value}\n")
    environment = {"KERNEL_SETTINGS": " ".join(KERNEL_SETTINGS), "SETTINGS_DIRECTORY": str(directory / "sys")}
    return ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", *argv], environment
