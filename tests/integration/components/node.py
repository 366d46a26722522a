"""Settings under which a node's components run beside the host's own, in one directory."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.components.controlplane import ControlPlane
from tests.integration.components.health import post
from tests.integration.components.ports import LOOPBACK, free_ports

# flannel takes it for granted that a Node has an annotation, and every kubelet's has this one.
KUBELETS_ANNOTATIONS = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Containerd:
    """containerd's command line, its socket and the URL of its metrics."""

    argv: tuple[str, ...]
    socket: Path
    metrics: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubelet:
    """The kubelet's command line, the port of its API and the URL of its health endpoint."""

    argv: tuple[str, ...]
    port: int
    healthz: str


def containerd(kedge: Path, directory: Path) -> Containerd:
    """containerd with everything that it writes inside `directory`."""
    socket = directory / "containerd.sock"
    (metrics_port,) = free_ports(1)
    owner = {"uid": os.getuid(), "gid": os.getgid()}
    plugins: dict[str, dict[str, object]] = {
        "io.containerd.server.v1.grpc": {"address": str(socket), **owner},
        "io.containerd.server.v1.ttrpc": {"address": f"{socket}.ttrpc", **owner},
        "io.containerd.server.v1.metrics": {"address": f"{LOOPBACK}:{metrics_port}"},
        "io.containerd.internal.v1.opt": {"path": f"{directory}/opt"},
        # It would listen on a socket of the host's.
        "io.containerd.nri.v1.nri": {"disable": True},
    }
    config = directory / "containerd.toml"
    config.write_text(
        f'version = 4\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
        + "".join(_toml_table(f'plugins."{name}"', values) for name, values in plugins.items())
        + _toml_table(
            'plugins."io.containerd.cri.v1.runtime".cni',
            {"conf_dir": f"{directory}/cni/conf", "bin_dirs": [f"{directory}/cni/bin"]},
        )
    )
    return Containerd(
        argv=(str(kedge), "containerd", f"--config={config}"),
        socket=socket,
        metrics=f"http://{LOOPBACK}:{metrics_port}/v1/metrics",
    )


def _toml_table(name: str, values: dict[str, object]) -> str:
    # For the strings, numbers, booleans and lists that stand here, TOML's notation is JSON's.
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def kubelet(kedge: Path, directory: Path, *, runtime: Path, clients: Path | None = None) -> Kubelet:
    """A kubelet without an API server, with everything that it writes inside `directory`.

    `clients` is the authority of those that may use its API; without it nobody may.
    """
    port, healthz_port = free_ports(2)
    config = directory / "kubelet.json"
    config.write_text(
        json.dumps(
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "address": LOOPBACK,
                "port": port,
                "healthzBindAddress": LOOPBACK,
                "healthzPort": healthz_port,
                "authentication": {
                    "anonymous": {"enabled": False},
                    "webhook": {"enabled": False},
                    **({"x509": {"clientCAFile": str(clients)}} if clients else {}),
                },
                "authorization": {"mode": "AlwaysAllow"},
                "containerRuntimeEndpoint": f"unix://{runtime}",
                "cgroupsPerQOS": False,
                "enforceNodeAllocatable": [],
                "failSwapOn": False,
                # Hands off the host: it checks the kernel's settings instead of changing them, and adds no firewall rule.
                "makeIPTablesUtilChains": False,
                "protectKernelDefaults": True,
                "podLogsDir": f"{directory}/pod-logs",
                "volumePluginDir": f"{directory}/volume-plugins",
            }
        )
    )
    argv = (
        str(kedge),
        "kubelet",
        f"--config={config}",
        f"--root-dir={directory}/kubelet",
        f"--cert-dir={directory}/kubelet-pki",
        "--hostname-override=edge1",
    )
    return Kubelet(argv=argv, port=port, healthz=f"http://{LOOPBACK}:{healthz_port}/healthz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a Node says of itself; `pod_network` is the subnet of its pods, `annotations` come on top of a kubelet's."""

    address: str = "192.0.2.10"
    kubelet_port: int = 10250
    pod_network: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


def make_node(control_plane: ControlPlane, name: str, reported: Reported | None = None) -> None:
    """A Node with an address, as a kubelet would report it."""
    says = reported or Reported()
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {**KUBELETS_ANNOTATIONS, **says.annotations}},
        "spec": {"podCIDR": says.pod_network, "podCIDRs": [says.pod_network]} if says.pod_network else {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": says.address}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": says.kubelet_port}},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    answer = post(f"{control_plane.api_url}/api/v1/nodes", json.dumps(node), control_plane.trust)
    assert answer.status == 201, answer.text
