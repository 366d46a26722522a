"""containerd's shim, started by the containerd of kedge: it holds a container, and costs little memory for it."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.components.process import running
from tests.integration.helpers.bundle import make_bundle

# The figure for armv7 is the same; 64-bit processes need more, so this is the harder test.
MOST_ANONYMOUS_BYTES = 7 << 20
START_S = 60
_CONFIG = """version = 3
root = "{place}/root"
state = "{place}/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.nri.v1.nri"
]
[grpc]
  address = "{place}/c.sock"
[ttrpc]
  address = "{place}/t.sock"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Containerd:
    """A running containerd; `rootfs` is what its containers run in."""

    kedge: Path
    place: Path
    rootfs: Path

    def ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = ["--address", str(self.place / "c.sock"), "--namespace", "default"]
        argv = [str(self.kedge), "ctr", *settings, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=START_S)


@pytest.fixture
def containerd(kedge: Path, helpers: Path, tmp_path: Path) -> Iterator[Containerd]:
    if os.geteuid() != 0:
        pytest.skip("containerd needs root")
    bundle = make_bundle(helpers, tmp_path)
    # Paths of sockets are short (108 bytes).
    place = tmp_path / "c"
    place.mkdir()
    (place / "config.toml").write_text(_CONFIG.format(place=place))
    # What containerd starts is found by PATH, as on a device.
    environment = {"PATH": f"{helpers / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"}
    argv = [str(kedge), "containerd", "--config", str(place / "config.toml")]
    with running(argv, name="containerd", directory=place, environment=environment) as daemon:
        service = Containerd(kedge=kedge, place=place, rootfs=bundle.directory / "rootfs")
        deadline = time.monotonic() + START_S
        while service.ctr("version").returncode != 0:
            assert daemon.alive, daemon.report("ended")
            assert time.monotonic() < deadline, daemon.report("does not answer")
        yield service


def shims_of(name: str) -> list[int]:
    """The processes of the shims that hold the container `name`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = (process / "cmdline").read_bytes().decode().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if argv[0].endswith("/containerd-shim-runc-v2") and name in argv:
            found.append(int(process.name))
    return found


def anonymous_bytes(pid: int) -> int:
    match = re.search(r"^Anonymous: +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) << 10


def test_the_shim_says_its_version(helpers: Path) -> None:
    said = subprocess.run([helpers / "bin/containerd-shim-runc-v2", "-v"], capture_output=True, text=True, check=True)
    assert re.search(r"Version: +v2\.\d+\.\d+$", said.stdout, re.MULTILINE), said.stdout


def test_a_container_runs_and_ends_with_its_status(containerd: Containerd) -> None:
    name = f"status-{os.getpid()}"
    done = containerd.ctr(
        "run", "--rm", "--env", "CNI_COMMAND=VERSION", "--rootfs", str(containerd.rootfs), name, "/host-local"
    )
    assert done.returncode == 0, done.stderr
    assert '"supportedVersions"' in done.stdout
    failed = containerd.ctr("run", "--rm", "--rootfs", str(containerd.rootfs), name, "/cni")
    assert failed.returncode == 1
    assert '"cni" is no CNI plugin' in failed.stderr
    assert shims_of(name) == []


def test_a_shim_costs_little_memory(containerd: Containerd) -> None:
    name = f"memory-{os.getpid()}"
    # Its standard input is a FIFO that nobody writes to, so the plugin waits for its configuration.
    waits = ("--env", "CNI_COMMAND=ADD", "--env", "CNI_CONTAINERID=a", "--env", "CNI_NETNS=/a", "--env", "CNI_IFNAME=a")
    started = containerd.ctr(
        "run", "--detach", *waits, "--env", "CNI_PATH=/", "--rootfs", str(containerd.rootfs), name, "/host-local"
    )
    assert started.returncode == 0, started.stderr
    (shim,) = shims_of(name)
    try:
        assert anonymous_bytes(shim) < MOST_ANONYMOUS_BYTES
    finally:
        containerd.ctr("task", "delete", "--force", name)
        containerd.ctr("container", "delete", name)
    assert shims_of(name) == []
