"""A whole controller, idle: the control plane, the tunnel's server, the cluster's DNS; and containerd, which every node has."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.integration.components.controlplane import ControlPlane, running_control_plane
from tests.integration.components.health import OK, get, trusting_anyone
from tests.integration.components.node import containerd
from tests.integration.components.pki import Authority
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import Daemon, running, wait_for

COMPONENTS = (
    "kine",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "konnectivity-server",
    "containerd",
    "coredns",
)


@contextmanager
def running_plane(executable: Path, directory: Path) -> Iterator[dict[str, int]]:
    """All of `COMPONENTS`, ready, each started as `executable COMPONENT ARGUMENTS`; their process ids."""
    with ExitStack() as stack:
        plane = stack.enter_context(running_control_plane(executable, directory))
        wait_for(plane.daemons[-2], lambda: _is_healthy(plane.controller_manager_url), what="healthy")
        wait_for(plane.daemons[-1], lambda: _is_healthy(plane.scheduler_url), what="healthy")
        daemons = [
            *plane.daemons,
            stack.enter_context(_konnectivity_server(executable, directory)),
            stack.enter_context(_containerd(executable, directory)),
            stack.enter_context(_coredns(executable, directory, plane)),
        ]
        yield {daemon.name: daemon.process.pid for daemon in daemons}


def _is_healthy(url: str) -> bool:
    return get(f"{url}/healthz", trusting_anyone()).text == "ok"


@contextmanager
def _konnectivity_server(executable: Path, directory: Path) -> Iterator[Daemon]:
    agent_port, admin_port, health_port = free_ports(3)
    place = directory / "konnectivity"
    place.mkdir()
    authority = Authority(place)
    serving = authority.issue("konnectivity-server")
    argv = [
        *(str(executable), "konnectivity-server", "--mode=grpc", f"--uds-name={place}/server.sock", "--server-port=0"),
        *(f"--cluster-cert={serving.certificate}", f"--cluster-key={serving.key}"),
        *(f"--cluster-ca-cert={authority.certificate}", f"--agent-bind-address={LOOPBACK}"),
        *(f"--agent-port={agent_port}", f"--admin-port={admin_port}"),
        *(f"--health-bind-address={LOOPBACK}", f"--health-port={health_port}"),
    ]
    with running(argv, name="konnectivity-server", directory=place) as daemon:
        wait_for(daemon, lambda: get(f"http://{LOOPBACK}:{health_port}/healthz").status == OK, what="healthy")
        yield daemon


@contextmanager
def _containerd(executable: Path, directory: Path) -> Iterator[Daemon]:
    place = directory / "c"  # paths of sockets are short (108 bytes)
    place.mkdir()
    service = containerd(executable, place)
    with running(service.argv, name="containerd", directory=place) as daemon:
        wait_for(daemon, lambda: get(service.metrics).status == OK, what="serving its metrics")
        yield daemon


@contextmanager
def _coredns(executable: Path, directory: Path, plane: ControlPlane) -> Iterator[Daemon]:
    port, ready_port = free_ports(2)
    corefile = directory / "Corefile"
    corefile.write_text(
        f"""
        cluster.local:{port} {{
            bind {LOOPBACK}
            errors
            ready {LOOPBACK}:{ready_port}
            kubernetes {{
                kubeconfig {plane.kubeconfig} test
            }}
            cache 30
            loadbalance
        }}
        """
    )
    argv = [str(executable), "coredns", f"-conf={corefile}"]
    with running(argv, name="coredns", directory=directory) as daemon:
        wait_for(daemon, lambda: get(f"http://{LOOPBACK}:{ready_port}/ready").status == OK, what="ready")
        yield daemon
