"""A node's parts in a root of static busybox only, and in one of Debian's packages merely unpacked."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.integration.components.process import wait_for
from tests.integration.roots.hosts import CTR, DEVICES, Host
from tests.integration.roots.material import tree
from tests.integration.roots.root import KEDGE, Root, put
from tests.integration.roots.space import Space

RULES = "table inet filter { chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }"
BRIDGE = {
    "cniVersion": "1.0.0", "name": "pods", "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]},
}  # fmt: skip


@pytest.fixture(params=["busybox", "debian"])
def host(request: pytest.FixtureRequest, space: Space, kedge: Path, tmp_path: Path) -> Host:
    """A root of the packages' files, kedge, and the helpers that kedge unpacked."""
    root = Root(directory=tree(request.param, tmp_path / "root"), space=space)
    put(kedge, root.directory / "kedge")
    return Host.of(root)


@pytest.fixture
def busybox(tmp_path: Path) -> Path:
    """A static program with many names, to be a container's."""
    return tree("busybox", tmp_path / "busybox") / "bin/busybox"


def test_helpers_run_without_proc_and_dev(host: Host) -> None:
    assert not (host.root.directory / "proc/self").exists()
    assert host.helper("runc", "--version").startswith("runc version 1.")
    assert json.loads(host.helper("runc", "features"))["linux"]["seccomp"]["enabled"]
    assert "containerd-shim-runc-v2" in host.helper("containerd-shim-runc-v2", "-v")
    assert host.helper("nft", "--version").startswith("nftables v1.")


def test_nft_loads_and_lists_rules(host: Host) -> None:
    host.helper("nft", "-f", "-", told=RULES)
    assert "tcp dport 22 accept" in host.helper("nft", "list", "ruleset")


def call_bridge(host: Host, command: str) -> subprocess.CompletedProcess[str]:
    """The bridge plugin for a pod whose network the file /pod names."""
    settings = {
        "CNI_COMMAND": command, "CNI_CONTAINERID": "one", "CNI_NETNS": "/pod", "CNI_IFNAME": "eth0",
        "CNI_PATH": f"{host.helpers}/cni",
    }  # fmt: skip
    return host.root.run(f"{host.helpers}/cni/bridge", told=json.dumps(BRIDGE), extra=settings)


def test_pods_are_connected_and_disconnected_with_proc_and_null(host: Host) -> None:
    host.mount("proc", "/proc")
    host.hand_in_devices("null")
    pod = host.root.space.network(host.root.directory / "pod")
    added = call_bridge(host, "ADD")
    assert added.returncode == 0, added.stdout
    assert json.loads(added.stdout)["ips"][0]["address"] == "10.88.0.2/24"
    assert "inet 10.88.0.2/24" in host.root.space.run("ip", "-4", "-o", "addr", "show", "eth0", network_of=pod)
    assert "masquerade" in host.helper("nft", "list", "ruleset")
    assert call_bridge(host, "DEL").returncode == 0
    assert "eth0" not in host.root.space.run("ip", "-o", "link", network_of=pod)


@pytest.mark.parametrize(
    ("missing", "said"), [("null", "failed to locate iptables"), ("proc", "no such file or directory")]
)
def test_what_a_plugin_lacks_is_told(host: Host, missing: str, said: str) -> None:
    if missing != "proc":
        host.mount("proc", "/proc")
    if missing != "null":
        host.hand_in_devices("null")
    host.root.space.network(host.root.directory / "pod")
    added = call_bridge(host, "ADD")
    assert added.returncode == 1
    assert said in json.loads(added.stdout)["msg"]


def test_containerd_answers_with_proc_alone(host: Host, tmp_path: Path) -> None:
    host.mount("proc", "/proc")
    with host.root.running(*host.containerd(), logs=tmp_path) as daemon:
        wait_for(daemon, lambda: host.root.run(KEDGE, *CTR, "version").returncode == 0, what="answering")
        assert "Server:" in host.root.kedge(*CTR, "version")


def test_a_container_runs_with_proc_devices_and_cgroups(host: Host, busybox: Path, tmp_path: Path) -> None:
    host.mount("proc", "/proc")
    host.hand_in_devices(*DEVICES)
    host.hand_in_cgroups()
    put(busybox, host.root.directory / "image/busybox")
    config = host.bundle("/busybox", "echo", "from inside")
    with host.root.running(*host.containerd(), logs=tmp_path) as daemon:
        wait_for(daemon, lambda: host.root.run(KEDGE, *CTR, "version").returncode == 0, what="answering")
        assert host.root.kedge(*CTR, "run", "--rm", "--config", config, "one") == "from inside\n"
        failing = host.root.run(KEDGE, *CTR, "run", "--rm", "--config", host.bundle("/busybox", "false"), "two")
        assert failing.returncode == 1, failing.stderr


@pytest.mark.parametrize(
    ("missing", "said"), [("dev", "open /dev/null: no such file"), ("cgroups", "no cgroup mount found in mountinfo")]
)
def test_what_a_container_lacks_is_told(host: Host, busybox: Path, tmp_path: Path, missing: str, said: str) -> None:
    host.mount("proc", "/proc")
    if missing != "dev":
        host.hand_in_devices(*DEVICES)
    put(busybox, host.root.directory / "image/busybox")
    config = host.bundle("/busybox", "true")
    with host.root.running(*host.containerd(), logs=tmp_path) as daemon:
        wait_for(daemon, lambda: host.root.run(KEDGE, *CTR, "version").returncode == 0, what="answering")
        done = host.root.run(KEDGE, *CTR, "run", "--rm", "--config", config, "one")
        assert done.returncode == 1
        assert said in done.stderr
