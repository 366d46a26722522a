"""The kubelet in a root of Debian's packages, beside containerd: how far it comes without an API server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.components.ports import LOOPBACK
from tests.integration.components.process import wait_for
from tests.integration.roots.hosts import DEVICES, SOCKET, Host
from tests.integration.roots.material import tree
from tests.integration.roots.root import KEDGE, Root, put
from tests.integration.roots.space import Space, environment

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


@pytest.fixture
def host(space: Space, kedge: Path, tmp_path: Path) -> Host:
    root = Root(directory=tree("debian", tmp_path / "root"), space=space)
    put(kedge, root.directory / "kedge")
    host = Host.of(root)
    host.mount("proc", "/proc")
    host.hand_in_devices(*DEVICES)
    host.hand_in_cgroups()
    return host


def is_healthy(host: Host) -> bool:
    argv = host.root.space.enter(sys.executable, "-I", "-c", _ASK, f"http://{LOOPBACK}:{HEALTH_PORT}/healthz")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment())
    return done.stdout == "ok\n"


def test_the_kubelet_is_healthy(host: Host, tmp_path: Path) -> None:
    config = host.write("/kubelet.json", json.dumps(CONFIG))
    argv = [KEDGE, "kubelet", "--config", config, "--hostname-override=edge1"]
    (tmp_path / "kubelet").mkdir()
    with host.root.running(*host.containerd(), logs=tmp_path) as containerd:
        wait_for(containerd, lambda: host.root.run(KEDGE, "ctr", "version").returncode == 0, what="answering")
        with host.root.running(*argv, logs=tmp_path / "kubelet") as daemon:
            wait_for(daemon, lambda: is_healthy(host), what="healthy")
