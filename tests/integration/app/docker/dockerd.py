"""Debian's Docker daemon, which runs containers; it needs root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker

from tests.integration.components.process import running, wait_for

# Arguments: the packages' usr, an empty directory, a command. It runs where /usr is the packages' own, since the daemon starts
# programs that start others, and all else is this machine's. What it starts ends with it.
_ENTER = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$2"
for one in /*; do
  name=${one#/}
  case $name in
    usr) from=$1;;
    bin|sbin|lib|lib64) ln -s "usr/$name" "$2/$name"; continue;;
    proc) mkdir "$2/proc"; mount -t proc proc "$2/proc"; continue;;
    *) from=$one;;
  esac
  if [ -d "$from" ] && [ ! -L "$one" ]; then mkdir "$2/$name"; mount --rbind "$from" "$2/$name"; fi
done
cd "$2"; mkdir .old; pivot_root . .old
shift 2
exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerd:
    """A running daemon that listens on `socket`, which the group `group` may use."""

    socket: Path
    group: int
    process: subprocess.Popen[bytes]

    @property
    def host(self) -> str:
        """As DOCKER_HOST has it."""
        return f"unix://{self.socket}"

    @property
    def client(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.host)

    def containers(self) -> list[str]:
        """The ids of all containers, running or not."""
        client = self.client
        try:
            return [one["Id"] for one in client.containers(all=True)]
        finally:
            client.close()


@contextmanager
def running_dockerd(usr: Path, directory: Path, *, group: int) -> Iterator[Dockerd]:
    """A daemon with the programs of `usr` that keeps everything in `directory`."""
    root = directory / "root"
    root.mkdir(parents=True)
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    command = (
        *(
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            _ENTER,
            "sh",
            str(usr),
            str(root),
            "dockerd",
        ),
        *(f"--{option}={directory}/{name}" for option, name in places.items()),
        *(f"--host=unix://{directory}/docker.sock", f"--group={group}", "--bridge=none"),
        *("--iptables=false", "--ip6tables=false", "--userland-proxy=false"),
    )
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with running(command, name="dockerd", directory=directory, environment=path) as daemon:
        wait_for(daemon, lambda: "API listen on" in daemon.log.read_text(), what="listening")
        yield Dockerd(socket=directory / "docker.sock", group=group, process=daemon.process)
