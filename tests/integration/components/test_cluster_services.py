import json
import ssl
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.integration.components.controlplane import ControlPlane
from tests.integration.components.dns import ask
from tests.integration.components.health import OK, get, post, trusting_anyone
from tests.integration.components.mounts import missing_for_private_mounts, with_private_mounts
from tests.integration.components.node import Reported, containerd, kubelet, make_node
from tests.integration.components.pki import KeyPair
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import running, wait_for

NO_ERROR, NO_SUCH_NAME, REFUSED = 0, 3, 5
CREATED, FORBIDDEN = 201, 403
METRICS_RESOLUTION_S = 10  # metrics-server permits no less
KUBELET_READ = 'metrics_server_kubelet_request_total{success="true"} 1'


def test_coredns_answers_for_services_and_hosts(control_plane: ControlPlane, kedge: Path, tmp_path: Path) -> None:
    port, health_port, ready_port, metrics_port = free_ports(4)
    corefile = tmp_path / "Corefile"
    corefile.write_text(
        f"""
        cluster.local:{port} {{
            bind {LOOPBACK}
            errors
            health {LOOPBACK}:{health_port}
            ready {LOOPBACK}:{ready_port}
            kubernetes {{
                kubeconfig {control_plane.kubeconfig} test
            }}
            prometheus {LOOPBACK}:{metrics_port}
            cache 30
            loop
            reload
            loadbalance
        }}
        example.test:{port} {{
            bind {LOOPBACK}
            hosts {{
                192.0.2.53 gateway.example.test
            }}
        }}
        """
    )
    with running([str(kedge), "coredns", f"-conf={corefile}"], name="coredns", directory=tmp_path) as daemon:
        wait_for(daemon, lambda: get(f"http://{LOOPBACK}:{ready_port}/ready").status == OK, what="ready")
        assert get(f"http://{LOOPBACK}:{health_port}/health").text == "OK"
        address = _make_service(control_plane, "web")
        wait_for(
            daemon, lambda: _answers(port, "web.default.svc.cluster.local") == (NO_ERROR, (address,)), what="current"
        )
        assert _answers(port, "gateway.example.test") == (NO_ERROR, (IPv4Address("192.0.2.53"),))
        assert _answers(port, "nobody.default.svc.cluster.local") == (NO_SUCH_NAME, ())
        assert _answers(port, "example.org") == (REFUSED, ())
        assert 'coredns_dns_requests_total{family="1"' in get(f"http://{LOOPBACK}:{metrics_port}/metrics").text


def _answers(port: int, name: str) -> tuple[int, tuple[IPv4Address, ...]] | None:
    answer = ask(port, name)
    return (answer.code, answer.addresses) if answer else None


def _make_service(control_plane: ControlPlane, name: str) -> IPv4Address:
    service = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
    answer = post(
        f"{control_plane.api_url}/api/v1/namespaces/default/services", json.dumps(service), control_plane.trust
    )
    assert answer.status == CREATED, answer.text
    return IPv4Address(json.loads(answer.text)["spec"]["clusterIP"])


def test_metrics_server_answers_for_the_control_plane(control_plane: ControlPlane, kedge: Path, tmp_path: Path) -> None:
    url, argv = _metrics_server(control_plane, kedge, tmp_path)
    with running(argv, name="metrics-server", directory=tmp_path) as daemon:
        wait_for(daemon, lambda: get(f"{url}/livez", trusting_anyone()).text == "ok", what="live")
        # It believes the identities that the API server believes, and asks it what they may do.
        api = f"{url}/apis/metrics.k8s.io/v1beta1"
        reader = _as_client(control_plane.authority.issue("metrics-reader", "system:masters"))
        wait_for(daemon, lambda: get(api, reader).status == OK, what="acquainted with the cluster's authority")
        served = json.loads(get(api, reader).text)
        assert {resource["name"] for resource in served["resources"]} == {"nodes", "pods"}
        stranger = _as_client(control_plane.authority.issue("stranger"))
        assert get(f"{api}/nodes", stranger).status == FORBIDDEN


@pytest.mark.skipif(missing_for_private_mounts() != "", reason=missing_for_private_mounts())
def test_metrics_server_reads_a_kubelet(control_plane: ControlPlane, kedge: Path, tmp_path: Path) -> None:
    runtime = containerd(kedge, tmp_path)
    settings = kubelet(kedge, tmp_path, runtime=runtime.socket, clients=control_plane.authority.certificate)
    make_node(control_plane, "edge1", Reported(address=LOOPBACK, kubelet_port=settings.port))
    argv, environment = with_private_mounts(settings.argv, tmp_path)
    url, metrics_argv = _metrics_server(control_plane, kedge, tmp_path)
    with ExitStack() as stack:
        runtime_daemon = stack.enter_context(running(runtime.argv, name="containerd", directory=tmp_path))
        wait_for(runtime_daemon, runtime.socket.exists, what="listening")
        kubelet_daemon = stack.enter_context(running(argv, name="kubelet", directory=tmp_path, environment=environment))
        wait_for(kubelet_daemon, lambda: get(settings.healthz).text == "ok", what="healthy")
        daemon = stack.enter_context(running(metrics_argv, name="metrics-server", directory=tmp_path))
        reader = _as_client(control_plane.authority.issue("metrics-reader", "system:masters"))
        # What it then tells of the node depends on this host: it insists on memory, which only cgroup v2 counts.
        wait_for(daemon, lambda: KUBELET_READ in get(f"{url}/metrics", reader).text, what="reading the kubelet")


def _as_client(identity: KeyPair) -> ssl.SSLContext:
    """metrics-server serves a certificate that it signed itself."""
    context = trusting_anyone()
    context.load_cert_chain(identity.certificate, identity.key)
    return context


def _metrics_server(control_plane: ControlPlane, kedge: Path, directory: Path) -> tuple[str, list[str]]:
    """Its URL and its command line."""
    (port,) = free_ports(1)
    names = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    argv = [
        *(str(kedge), "metrics-server"),
        *(f"--{name}={control_plane.kubeconfig}" for name in names),
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--cert-dir={directory}/metrics-server",
        f"--metric-resolution={METRICS_RESOLUTION_S}s",
        "--kubelet-request-timeout=5s",
        # The kubelet serves a certificate that it makes itself, on the port that it reports.
        "--kubelet-insecure-tls",
        "--kubelet-use-node-status-port",
    ]
    return f"https://{LOOPBACK}:{port}", argv
