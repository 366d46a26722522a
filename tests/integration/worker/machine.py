"""Machines of a test's own: Linux namespaces with a network, a process table, mounts and a name apart from the host's.

They share the host's kernel and its control groups. Where those are of the first version, as on many build machines, each
machine gets a control group of its own in every hierarchy, which its kubelet is told of.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.integration.components.process import clean_environment, running, wait_for

TOOLS = ("flock", "ip", "mount", "nsenter", "unshare")
CGROUPS = Path("/sys/fs/cgroup")
_COMMAND_TIMEOUT_S = 120
_FORGET_S = 20
# What a machine sees of its own: what its system and kedge write.
_SETUP = """\
set -eu
hostname "$NAME"
for volatile in /run /var/log /var/lib/kubelet; do
    mkdir -p "$volatile"
    mount -t tmpfs none "$volatile"
done
mkdir -p /run/netns /var/lib/kedge
mount --bind "$DATA" /var/lib/kedge
mount --bind "$MACHINE_ID" /etc/machine-id
: > /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
: > "$READY"
exec sleep infinity
"""


def missing() -> str:
    """Why no machines can be made here; empty when they can."""
    if os.geteuid() != 0:
        return "only root may make machines out of namespaces"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not on the PATH: {', '.join(absent)}" if absent else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A running machine; `pid` is its first process, `data` what lies at /var/lib/kedge."""

    name: str
    pid: int
    data: Path

    def inside(self, *argv: str | Path) -> list[str]:
        """The command line that runs `argv` in the machine."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--net", "--pid", *map(str, argv)]

    def run(self, *argv: str | Path) -> str:
        """What the command printed; it must succeed."""
        return run(self.inside(*argv))

    def address(self, device: str, address: str) -> None:
        """Give the machine an address."""
        self.run("ip", "addr", "add", address, "dev", device)

    def is_running(self) -> bool:
        """Whether its power has not been cut."""
        return Path(f"/proc/{self.pid}/ns/net").exists()

    def cut_power(self) -> None:
        """End all that runs in it at once, and all that is not on its disk. Twice is no error."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # unshare takes no other wish that it end


def run(argv: Sequence[str]) -> str:
    """What a command printed; it must succeed."""
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=clean_environment({}),
        timeout=_COMMAND_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


@contextmanager
def running_machine(name: str, directory: Path) -> Iterator[Machine]:
    """A machine without any network but loopback. All that runs in it ends with it."""
    place = directory / name
    data, machine_id, ready = place / "data", place / "machine-id", place / "ready"
    data.mkdir(parents=True, exist_ok=True)  # a machine that is started again has its disk from before
    ready.unlink(missing_ok=True)
    if not machine_id.exists():
        machine_id.write_text(f"{os.urandom(16).hex()}\n")
    environment = {"NAME": name, "DATA": str(data), "MACHINE_ID": str(machine_id), "READY": str(ready)}
    argv = [
        "unshare",
        "--mount",
        "--uts",
        "--net",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "sh",
        "-c",
        _SETUP,
    ]
    with running(argv, name=f"machine-{name}", directory=place, environment=environment) as daemon:
        wait_for(daemon, ready.exists, what="set up")
        (child,) = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split()
        machine = Machine(name=name, pid=int(child), data=data)
        machine.run("ip", "link", "set", "lo", "up")
        try:
            yield machine
        finally:
            machine.cut_power()


@contextmanager
def bridged(hub: Machine, machines: Sequence[Machine], network: str) -> Iterator[None]:
    """Connect machines by a bridge in `hub`, which is .1 of `network` ("172.31.99"); the others follow from .11 on."""
    hub.run("ip", "link", "add", "lan", "type", "bridge")
    hub.run("ip", "link", "set", "lan", "up")
    hub.address("lan", f"{network}.1/24")
    for number, machine in enumerate(machines, 11):
        plug(hub, machine, network, number)
    yield


def plug(hub: Machine, machine: Machine, network: str, number: int) -> None:
    """Connect one machine by the bridge in `hub`."""
    pair = f"ip link add to-{machine.name} type veth peer name eth0 netns {machine.pid}".split()
    run(["nsenter", f"--net=/proc/{hub.pid}/ns/net", *pair])  # not in the hub, where the number is another process'
    hub.run("ip", "link", "set", f"to-{machine.name}", "master", "lan", "up")
    machine.address("eth0", f"{network}.{number}/24")
    machine.run("ip", "link", "set", "eth0", "up")
    machine.run("ip", "route", "add", "default", "via", f"{network}.1")


@contextmanager
def control_groups(name: str) -> Iterator[str]:
    """A control group of the first version in every hierarchy; removed with all that is below it."""
    hierarchies = [path for path in CGROUPS.iterdir() if (path / "cgroup.procs").exists()]
    with ExitStack() as stack:
        for hierarchy in hierarchies:
            group = hierarchy / name
            group.mkdir()
            stack.callback(_remove_group, group)
            for setting in ("cpuset.cpus", "cpuset.mems"):
                if (group / setting).exists():
                    (group / setting).write_text((hierarchy / setting).read_text())
        yield f"/{name}"


def _remove_group(group: Path) -> None:
    """The kernel takes a moment to forget processes that have ended."""
    give_up_s = time.monotonic() + _FORGET_S
    while True:
        try:
            for below in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                below.rmdir()
            group.rmdir()
        except OSError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(_FORGET_S / 100)
        else:
            return
