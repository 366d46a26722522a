"""Namespaces in which a directory can be somebody's root: user, mount, process, network, cgroup, IPC and host name."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

# A shell sees itself in /proc by the number that the starter of its process namespace knows it by.
_HOLD = "cd -P /proc/self && pwd && cd / && ip link set lo up && mount --make-rprivate / && echo ready && exec cat"
_NETWORK = ("unshare", "--net", "/bin/sh", "-c", "echo ready && exec cat")
NAMESPACES = ("--mount", "--pid", "--net", "--cgroup", "--ipc", "--uts")
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Namespaces that end with everything in them, kept by the process `pid`; whoever enters is their root."""

    pid: int
    stack: ExitStack = field(repr=False)

    def enter(self, *argv: str, network_of: int | None = None) -> list[str]:
        """`argv` as a command that runs in here; in the network of the process `network_of` where one is given."""
        tool = require_tool("nsenter")
        outer = [tool, f"--target={self.pid}", "--user", "--preserve-credentials", *NAMESPACES, "--wd=/"]
        return [*outer, *([tool, f"--net=/proc/{network_of}/ns/net"] if network_of else []), *argv]

    def run(self, *argv: str, network_of: int | None = None) -> str:
        done = subprocess.run(
            self.enter(*argv, network_of=network_of), capture_output=True, text=True, check=False, env=environment()
        )
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def mount(self, *arguments: str) -> None:
        self.run("mount", *arguments)

    def network(self, keep: Path) -> int:
        """Another network; the file `keep` names it from now on, for those who see the file. The number of a process in it."""
        holder = self.stack.enter_context(
            subprocess.Popen(self.enter(*_NETWORK), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
        )
        assert holder.stdin is not None
        assert holder.stdout is not None
        self.stack.callback(holder.stdin.close)
        assert holder.stdout.readline() == b"ready\n"
        child = int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0])
        keep.touch()
        self.mount("--bind", f"/proc/{child}/ns/net", str(keep))
        return child


@contextmanager
def making_space() -> Iterator[Space]:
    """Namespaces without any interface but a loopback; skips the test where this user may not make them."""
    argv = [require_tool("unshare"), "--map-root-user", *NAMESPACES, "--fork", "--kill-child", "/bin/sh", "-c", _HOLD]
    with ExitStack() as stack:
        holder = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        stack.callback(holder.communicate)
        assert holder.stdout is not None
        place, ready = holder.stdout.readline().decode().strip(), holder.stdout.readline()
        if ready != b"ready\n":
            pytest.skip(f"namespaces cannot be made here: {' '.join(argv)} fails")
        yield Space(pid=int(Path(place).name), stack=stack)


def require_tool(name: str) -> str:
    """The path of a program of this machine; skips the test where there is none."""
    found = shutil.which(name, path=environment()["PATH"])
    if found is None:
        pytest.skip(f"there is no {name} here; on Debian: apt install util-linux coreutils iproute2")
    return found


def environment() -> dict[str, str]:
    """What commands of this machine get."""
    return {"PATH": f"{os.environ.get('PATH', os.defpath)}:{_SBIN}", "LC_ALL": "C.UTF-8"}
