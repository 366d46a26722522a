"""The kubelet in a bare root, beside containerd: how far it comes without an API server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.components.ports import LOOPBACK
from tests.integration.components.process import Daemon, wait_for
from tests.integration.roots.hosts import CTR, SOCKET, Host
from tests.integration.roots.material import tree
from tests.integration.roots.root import KEDGE, Root, put
from tests.integration.roots.space import Space, environment

ENDED_S = 60
HEALTH_PORT = 10248
CONFIG = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "address": LOOPBACK,
    "healthzPort": HEALTH_PORT,
    "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    "containerRuntimeEndpoint": f"unix://{SOCKET}",
    "cgroupsPerQOS": False,
    "enforceNodeAllocatable": [],
    "failSwapOn": False,
    # The tests' namespaces belong to a user, who may not change the kernel's settings.
    "featureGates": {"KubeletInUserNamespace": True},
}
_ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())"


@pytest.fixture(params=["busybox", "debian"])
def host(request: pytest.FixtureRequest, space: Space, kedge: Path, tmp_path: Path) -> Host:
    root = Root(directory=tree(request.param, tmp_path / "root"), space=space)
    put(kedge, root.directory / "kedge")
    host = Host.of(root)
    host.mount("proc", "/proc")
    return host


def is_healthy(host: Host) -> bool:
    argv = host.root.space.enter(sys.executable, "-I", "-c", _ASK, f"http://{LOOPBACK}:{HEALTH_PORT}/healthz")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment())
    return done.stdout == "ok\n"


@contextmanager
def running_kubelet(host: Host, logs: Path) -> Iterator[Daemon]:
    """A kubelet beside a containerd that answers."""
    config = host.write("/kubelet.json", json.dumps(CONFIG))
    argv = [KEDGE, "kubelet", "--config", config, "--hostname-override=edge1"]
    (logs / "kubelet").mkdir()
    with host.root.running(*host.containerd(), logs=logs) as containerd:
        wait_for(containerd, lambda: host.root.run(KEDGE, *CTR, "version").returncode == 0, what="answering")
        with host.root.running(*argv, logs=logs / "kubelet") as daemon:
            yield daemon


def hand_in_users(host: Host) -> None:
    """The kubelet looks for a user of its own there."""
    host.write("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")


def test_it_is_healthy_with_proc_cgroups_and_users(host: Host, tmp_path: Path) -> None:
    hand_in_users(host)
    host.hand_in_cgroups()
    with running_kubelet(host, tmp_path) as daemon:
        wait_for(daemon, lambda: is_healthy(host), what="healthy")
        wait_for(daemon, lambda: "Finished populating" in daemon.log.read_text(), what="looking for pods")
        assert is_healthy(host)


def test_without_cgroups_it_takes_the_host_for_an_old_one(host: Host, tmp_path: Path) -> None:
    hand_in_users(host)
    with running_kubelet(host, tmp_path) as daemon:
        assert daemon.process.wait(timeout=ENDED_S) == 1
        assert "not run on a host using cgroup v1" in daemon.log.read_text()


def test_without_users_it_ends(host: Host, tmp_path: Path) -> None:
    host.hand_in_cgroups()
    with running_kubelet(host, tmp_path) as daemon:
        assert daemon.process.wait(timeout=ENDED_S) == 1
        assert "kubelet mappings: open /etc/passwd: no such file" in daemon.log.read_text()
