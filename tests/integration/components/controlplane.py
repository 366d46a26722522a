"""A control plane on loopback: kine or etcd, API server, controller manager and scheduler."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.components.health import OK, get, trusting
from tests.integration.components.kubeconfig import write_kubeconfig
from tests.integration.components.pki import Authority, service_account_key
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import START_TIMEOUT_S, Daemon, running, wait_for

# Without the whole parameter string writers lock each other out and the API server never becomes ready.
SQLITE_OPTIONS = "_journal_mode=WAL&_busy_timeout=30000&_synchronous=NORMAL&_txlock=immediate"
SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/16"
ISSUER = "https://kubernetes.default.svc"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """What a client needs to know of a running control plane; `admin` is also an identity that may do everything."""

    api_url: str
    controller_manager_url: str
    scheduler_url: str
    kine_socket: Path
    authority: Authority
    trust: ssl.SSLContext
    kubeconfig: Path
    daemons: tuple[Daemon, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the files of one control plane are, and its ports."""

    kedge: Path
    directory: Path
    authority: Authority
    service_account_key: Path
    kubeconfig: Path
    api_port: int
    controller_manager_port: int
    scheduler_port: int
    etcd_port: int | None

    @property
    def store_url(self) -> str:
        return f"unix://{self.kine_socket}" if self.etcd_port is None else f"http://{LOOPBACK}:{self.etcd_port}"

    @property
    def kine_socket(self) -> Path:
        return self.directory / "kine.sock"

    @property
    def api_url(self) -> str:
        return f"https://{LOOPBACK}:{self.api_port}"

    def component(self, name: str, *arguments: str) -> list[str]:
        return [str(self.kedge), name, *arguments]


@contextmanager
def running_control_plane(
    kedge: Path, directory: Path, *, patience_s: float = START_TIMEOUT_S, etcd: bool = False
) -> Iterator[ControlPlane]:
    """Run a control plane, ready, with its state in `directory`; each part may take `patience_s` to start."""
    layout = _lay_out(kedge, directory, etcd=etcd)
    trust = trusting(layout.authority.certificate, layout.authority.issue("test-admin", "system:masters"))
    with ExitStack() as stack:
        store = stack.enter_context(_running_store(layout, patience_s))
        api = stack.enter_context(running(_api_server_argv(layout), name="kube-apiserver", directory=directory))
        # The controller manager and the scheduler end themselves when their roles do not exist yet.
        url = f"{layout.api_url}/readyz"
        wait_for(api, lambda: get(url, trust).status == OK, what="ready", timeout_s=patience_s)
        controllers = stack.enter_context(
            running(_controller_manager_argv(layout), name="kube-controller-manager", directory=directory)
        )
        scheduler = stack.enter_context(running(_scheduler_argv(layout), name="kube-scheduler", directory=directory))
        yield ControlPlane(
            api_url=layout.api_url,
            controller_manager_url=f"https://{LOOPBACK}:{layout.controller_manager_port}",
            scheduler_url=f"https://{LOOPBACK}:{layout.scheduler_port}",
            kine_socket=layout.kine_socket,
            authority=layout.authority,
            trust=trust,
            kubeconfig=layout.kubeconfig,
            daemons=(store, api, controllers, scheduler),
        )


@contextmanager
def _running_store(layout: Layout, patience_s: float) -> Iterator[Daemon]:
    if layout.etcd_port is None:
        argv = kine_argv(layout.kedge, layout.directory)
        with running(argv, name="kine", directory=layout.directory) as kine:
            wait_for(kine, layout.kine_socket.exists, what="listening", timeout_s=patience_s)
            yield kine
        return
    argv = etcd_argv(layout.kedge, layout.directory / "etcd", layout.store_url)
    with running(argv, name="etcd", directory=layout.directory) as etcd:
        url = f"{layout.store_url}/health"
        wait_for(etcd, lambda: get(url).status == OK, what="healthy", timeout_s=patience_s)
        yield etcd


def etcd_argv(kedge: Path, data: Path, client_url: str) -> list[str]:
    """A single etcd with its files in `data`, which serves everybody at `client_url`."""
    # An address of its own on loopback: a second free port might be the client's.
    peer = client_url.replace(LOOPBACK, "127.0.0.2")
    return [
        str(kedge),
        "etcd",
        "--name=test",
        f"--data-dir={data}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=test={peer}",
    ]


def kine_argv(kedge: Path, directory: Path) -> list[str]:
    """kine on SQLite, its file and its socket `kine.sock` in `directory`."""
    return [
        str(kedge),
        "kine",
        f"--endpoint=sqlite://{directory}/state.db?{SQLITE_OPTIONS}",
        f"--listen-address=unix://{directory}/kine.sock",
        "--metrics-bind-address=0",
    ]


def _lay_out(kedge: Path, directory: Path, *, etcd: bool) -> Layout:
    authority = Authority(directory)
    api_port, controller_manager_port, scheduler_port, etcd_port = free_ports(4)
    kubeconfig = write_kubeconfig(
        directory / "admin.conf",
        server=f"https://{LOOPBACK}:{api_port}",
        authority=authority.certificate,
        identity=authority.issue("admin", "system:masters"),
    )
    return Layout(
        kedge=kedge,
        directory=directory,
        authority=authority,
        service_account_key=service_account_key(directory),
        kubeconfig=kubeconfig,
        api_port=api_port,
        controller_manager_port=controller_manager_port,
        scheduler_port=scheduler_port,
        etcd_port=etcd_port if etcd else None,
    )


def _api_server_argv(layout: Layout) -> list[str]:
    serving = layout.authority.issue("kube-apiserver")
    return layout.component(
        "kube-apiserver",
        f"--etcd-servers={layout.store_url}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={layout.api_port}",
        # It is published in the cluster and must not be loopback; nobody connects to it here.
        "--advertise-address=192.0.2.1",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={layout.authority.certificate}",
        f"--service-account-key-file={layout.service_account_key}",
        f"--service-account-signing-key-file={layout.service_account_key}",
        f"--service-account-issuer={ISSUER}",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        # With open watches the server would otherwise wait for them long after SIGTERM.
        "--shutdown-watch-termination-grace-period=1s",
    )


def _controller_manager_argv(layout: Layout) -> list[str]:
    return layout.component(
        "kube-controller-manager",
        *_client_arguments(layout, layout.controller_manager_port),
        f"--service-account-private-key-file={layout.service_account_key}",
        f"--root-ca-file={layout.authority.certificate}",
        f"--cluster-signing-cert-file={layout.authority.files.certificate}",
        f"--cluster-signing-key-file={layout.authority.files.key}",
        "--allocate-node-cidrs",
        f"--cluster-cidr={PODS}",
        "--use-service-account-credentials",
    )


def _scheduler_argv(layout: Layout) -> list[str]:
    return layout.component("kube-scheduler", *_client_arguments(layout, layout.scheduler_port))


def _client_arguments(layout: Layout, port: int) -> list[str]:
    return [
        *(f"--{name}={layout.kubeconfig}" for name in _KUBECONFIG_FLAGS),
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        # Both serve a certificate that they make themselves; it is kept out of the system's directory.
        f"--cert-dir={layout.directory}/{port}",
        "--leader-elect=false",
    ]


_KUBECONFIG_FLAGS = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
