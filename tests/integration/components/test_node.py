import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.components import grpc
from tests.integration.components.controlplane import ControlPlane
from tests.integration.components.health import OK, get
from tests.integration.components.invoke import component_versions
from tests.integration.components.mounts import has_cgroup_v2, missing_for_private_mounts, with_private_mounts
from tests.integration.components.node import containerd, kubelet, make_node
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import Daemon, running, wait_for

CGROUP_V1_REFUSAL = "kubelet is configured to not run on a host using cgroup v1"
NO_NFT = "unable to create ipv4 proxier: could not find nftables binary"
ENDED_S = 60


def test_containerd_serves_its_api(kedge: Path, tmp_path: Path) -> None:
    settings = containerd(kedge, tmp_path)
    with running(settings.argv, name="containerd", directory=tmp_path) as daemon:
        wait_for(daemon, settings.socket.exists, what="listening")
        version = component_versions(kedge)["containerd"]
        reply = grpc.call(settings.socket, "/containerd.services.version.v1.Version/Version")
        assert grpc.string_field(reply, 1) == version
        metrics = get(settings.metrics)
        assert metrics.status == OK
        assert f'containerd_build_info_total{{revision="",version="{version}"}} 1' in metrics.text


def test_containerd_serves_the_kubelets_api(kedge: Path, tmp_path: Path) -> None:
    settings = containerd(kedge, tmp_path)
    with running(settings.argv, name="containerd", directory=tmp_path) as daemon:
        wait_for(daemon, settings.socket.exists, what="listening")
        # runtime.v1.VersionResponse: 2 is the runtime's name, 3 its version.
        reply = grpc.call(settings.socket, "/runtime.v1.RuntimeService/Version")
        assert grpc.string_field(reply, 2) == "containerd"
        assert grpc.string_field(reply, 3) == component_versions(kedge)["containerd"]


@pytest.mark.skipif(has_cgroup_v2(), reason="this host has cgroup v2")
def test_kubelet_refuses_cgroup_v1(kedge: Path, tmp_path: Path) -> None:
    settings = kubelet(kedge, tmp_path, runtime=tmp_path / "containerd.sock")
    with running(settings.argv, name="kubelet", directory=tmp_path) as daemon:
        assert daemon.process.wait(timeout=ENDED_S) == 1
        assert CGROUP_V1_REFUSAL in daemon.log.read_text()


@pytest.mark.skipif(missing_for_private_mounts() != "", reason=missing_for_private_mounts())
def test_kubelet_is_healthy_on_cgroup_v2(kedge: Path, tmp_path: Path) -> None:
    runtime = containerd(kedge, tmp_path)
    settings = kubelet(kedge, tmp_path, runtime=runtime.socket)
    argv, environment = with_private_mounts(settings.argv, tmp_path)
    with running(runtime.argv, name="containerd", directory=tmp_path) as containerd_daemon:
        wait_for(containerd_daemon, runtime.socket.exists, what="listening")
        with running(argv, name="kubelet", directory=tmp_path, environment=environment) as daemon:
            wait_for(daemon, lambda: get(settings.healthz).text == "ok", what="healthy")


def test_kube_proxy_finds_its_node_and_asks_for_nft(control_plane: ControlPlane, kedge: Path, tmp_path: Path) -> None:
    """Without nft on its PATH it comes as far as it can without touching this host's own firewall."""
    make_node(control_plane, "edge1")
    healthz_port, metrics_port = free_ports(2)
    argv = [
        str(kedge),
        "kube-proxy",
        "--proxy-mode=nftables",
        "--hostname-override=edge1",
        f"--kubeconfig={control_plane.kubeconfig}",
        f"--healthz-bind-address={LOOPBACK}:{healthz_port}",
        f"--metrics-bind-address={LOOPBACK}:{metrics_port}",
        # 0 leaves the kernel's settings as they are.
        *(f"--conntrack-{name}=0" for name in ("max-per-core", "min", "tcp-timeout-established")),
        "--conntrack-tcp-timeout-close-wait=0",
    ]
    with running(argv, name="kube-proxy", directory=tmp_path, environment={"PATH": str(tmp_path)}) as daemon:
        assert daemon.process.wait(timeout=ENDED_S) == 1
        assert_log_has(daemon, NO_NFT)
        assert_log_has(daemon, '"Successfully retrieved NodeIPs" NodeIPs=["192.0.2.10"]')


def test_kube_proxy_is_healthy_in_a_network_of_its_own(kedge: Path, tmp_path: Path) -> None:
    nft = shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if nft is None:
        pytest.skip("there is no nft; on Debian: apt install nftables")
    (tmp_path / "cp").mkdir()
    lone = [sys.executable, "-P", "-m", "tests.integration.components.lone_proxy", str(kedge), str(tmp_path), nft]
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*namespace, nft, "list", "tables"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no network namespace with a packet filter to ordinary users")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([*namespace, *lone], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def assert_log_has(daemon: Daemon, text: str) -> None:
    assert text in daemon.log.read_text(), daemon.report(f"lacks {text!r}")
