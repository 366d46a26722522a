import json
from pathlib import Path

from tests.integration.components import grpc
from tests.integration.components.controlplane import etcd_argv, kine_argv
from tests.integration.components.health import OK, get
from tests.integration.components.invoke import component_versions
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import running, wait_for

SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}


def test_kine_serves_etcds_protocol(kedge: Path, tmp_path: Path) -> None:
    socket = tmp_path / "kine.sock"
    with running(kine_argv(kedge, tmp_path), name="kine", directory=tmp_path) as kine:
        wait_for(kine, socket.exists, what="listening")
        assert grpc.call(socket, "/grpc.health.v1.Health/Check") == SERVING
        key = b"/registry/health"
        # etcdserverpb.RangeRequest{key}; the reply begins with a header that carries the revision.
        reply = grpc.call(socket, "/etcdserverpb.KV/Range", b"\x0a" + bytes([len(key)]) + key)
        assert key in reply


def test_etcd_is_healthy(kedge: Path, tmp_path: Path) -> None:
    client = f"http://{LOOPBACK}:{free_ports(1)[0]}"
    with running(etcd_argv(kedge, tmp_path / "data", client), name="etcd", directory=tmp_path) as etcd:
        wait_for(etcd, lambda: get(f"{client}/health").status == OK, what="healthy")
        assert json.loads(get(f"{client}/health").text)["health"] == "true"
        served = json.loads(get(f"{client}/version").text)["etcdserver"]
        assert f"v{served}" == component_versions(kedge)["etcd"]
