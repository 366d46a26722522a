"""What a user sees of one control plane."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.integration.components.health import OK, get, trusting
from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller
from tests.integration.controller.sockets import Listener, listeners

PROCESSES = (
    "kine",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "konnectivity-server",
    "metrics-server",
)
SECRET, PLAIN = "not-for-everybody", "for-everybody"
UNAUTHORIZED = 401


def test_every_component_is_a_process(controller: Controller) -> None:
    assert sorted(controller.pids()) == sorted(PROCESSES)
    names = {name: Path(f"/proc/{pid}/comm").read_text().strip() for name, pid in controller.pids().items()}
    assert names["kube-apiserver"] == "kube-apiserver"


def test_kubectl_makes_objects(controller: Controller) -> None:
    assert controller.applied("get", "--raw", "/readyz") == "ok"
    assert controller.applied("create", "namespace", "edge") == "namespace/edge created\n"
    controller.applied("-n", "edge", "create", "configmap", "plain", f"--from-literal=key={PLAIN}")
    listed = controller.applied("-n", "edge", "get", "configmap", "plain", "--output=jsonpath={.data.key}")
    assert listed == PLAIN


def test_secrets_are_encrypted_on_disk(controller: Controller) -> None:
    controller.applied("create", "configmap", "plain", f"--from-literal=key={PLAIN}")
    controller.applied("create", "secret", "generic", "hidden", f"--from-literal=key={SECRET}")
    stored = _bytes_below(controller.place.data / "db")
    assert PLAIN.encode() in stored
    assert SECRET.encode() not in stored
    assert b"k8s:enc:secretbox:v1:key1:" in stored


def test_what_lives_for_seconds_is_not_on_disk(controller: Controller) -> None:
    assert b"/registry/leases/" in _bytes_below(controller.place.run / "store")
    stored = _bytes_below(controller.place.data / "db")
    assert b"/registry/namespaces/kube-system" in stored
    for key in (b"/registry/leases/", b"/registry/masterleases/", b"/registry/peerserverleases/"):
        assert key not in stored


def test_only_two_ports_are_open_to_others(controller: Controller) -> None:
    found = listeners([controller.daemon.process.pid, *controller.pids().values()])
    assert {each.port for each in found if not each.is_loopback} == {
        controller.place.api_port,
        controller.place.agent_port,
    }
    # Two controllers; the tunnel's two; metrics; who says no for revoked nodes.
    assert len([each for each in found if each.is_loopback]) == 6, found


def test_strangers_may_ask_for_health_alone(controller: Controller) -> None:
    stranger = trusting(controller.place.data / "pki" / "ca.crt")
    url = f"https://127.0.0.1:{controller.place.api_port}"
    assert get(f"{url}/readyz", stranger).status == OK
    assert get(f"{url}/version", stranger).status == UNAUTHORIZED


def test_metrics_are_an_api_without_any_node(controller: Controller) -> None:
    """The API server reaches them through the tunnel, whose far end is on this very machine."""
    wait = ("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=60s")
    controller.applied(*wait)
    found = json.loads(controller.applied("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"))
    assert (found["kind"], found["items"]) == ("NodeMetricsList", [])


def test_documents_of_the_api(controller: Controller) -> None:
    """They are kept in another form than upstream keeps them; version 2 is made when somebody asks."""
    assert "replicas" in controller.applied("explain", "deployment.spec")
    root = json.loads(controller.applied("get", "--raw", "/openapi/v3"))
    path = root["paths"]["apis/apps/v1"]["serverRelativeURL"]
    name = "io.k8s.api.apps.v1.Deployment"
    assert name in json.loads(controller.applied("get", "--raw", path))["components"]["schemas"]
    assert name in json.loads(controller.applied("get", "--raw", "/openapi/v2"))["definitions"]


def test_pods_are_told_where_the_api_is(controller: Controller) -> None:
    # Every node has the service's address itself, and passes on what comes to it.
    path = "--output=jsonpath={.endpoints[0].addresses[0]} {.ports[0].port} {.endpoints[0].conditions.ready}"
    found = controller.applied("get", "endpointslice", "kubernetes", path)
    assert found == "10.96.0.1 6443 true"


@pytest.mark.parametrize("name", PROCESSES)
def test_killed_component_comes_back(controller: Controller, name: str) -> None:
    controller.wait_until_ready()
    pid = controller.pids()[name]
    os.kill(pid, signal.SIGKILL)
    wait_for(controller.daemon, lambda: controller.pids().get(name, pid) != pid, what=f"running {name} again")
    controller.wait_until_ready()
    assert controller.applied("get", "namespace", "default", "--output=name") == "namespace/default\n"


def _bytes_below(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file())


def test_listeners_are_seen(controller: Controller) -> None:
    assert Listener(port=controller.place.api_port, is_loopback=False) in listeners(controller.pids().values())
