"""Bundles (OCI runtime specification) whose only program is a helper: static, and it asks the kernel for something."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# host-local keeps addresses as files: it makes a directory, and says so where it may not.
NETWORK = {
    "cniVersion": "1.0.0", "name": "probe", "type": "bridge",
    "ipam": {"type": "host-local", "dataDir": "/addresses", "ranges": [[{"subnet": "10.0.0.0/24"}]]},
}  # fmt: skip
_ENVIRONMENT = (
    "CNI_COMMAND=ADD", "CNI_CONTAINERID=probe", "CNI_NETNS=/proc/self/ns/net", "CNI_NETNS_OVERRIDE=1",
    "CNI_IFNAME=eth0", "CNI_PATH=/", "PATH=/",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle in `directory`; containers of it are run by the runc of `helpers`."""

    directory: Path
    helpers: Path

    def runc(self, *arguments: str, told: str = "") -> subprocess.CompletedProcess[str]:
        argv = [str(self.helpers / "bin/runc"), "--root", str(self.directory / "state"), *arguments]
        return subprocess.run(
            argv, cwd=self.directory, input=told, capture_output=True, text=True, check=False, env={"PATH": "/bin"}
        )

    def run_probe(self) -> subprocess.CompletedProcess[str]:
        """Run the container: a host-local that wants to make a directory and a file."""
        return self.runc("run", f"probe-{os.getpid()}", told=json.dumps(NETWORK))

    def deny(self, names: Sequence[str], errno: int) -> None:
        """A seccomp profile that lets the system calls `names` fail with `errno`."""
        rule = {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": errno}
        config = self.config()
        config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
        self.write(config)

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = json.loads((self.directory / "config.json").read_text())
        return config

    def write(self, config: dict[str, Any]) -> None:
        (self.directory / "config.json").write_text(json.dumps(config))


def make_bundle(helpers: Path, directory: Path) -> Bundle:
    """A bundle with /host-local as its program, for root or for this user alone."""
    root = directory / "rootfs"
    for name in ("proc", "dev", "sys"):
        (root / name).mkdir(parents=True)
    shutil.copy(helpers / "bin/cni", root / "host-local")
    # By this name it fails at once.
    os.link(root / "host-local", root / "cni")
    bundle = Bundle(directory=directory, helpers=helpers)
    made = bundle.runc("spec", *([] if os.geteuid() == 0 else ["--rootless"]))
    assert made.returncode == 0, made.stderr
    config = bundle.config()
    config["process"] |= {"terminal": False, "args": ["/host-local"], "env": list(_ENVIRONMENT)}
    config["root"]["readonly"] = False
    bundle.write(config)
    return bundle
