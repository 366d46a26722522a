"""What workers are told, and who may read it."""

import json
from pathlib import Path

import pytest

from tests.integration.controller.controller import Controller, place, running_controller
from tests.integration.controller.nodes import token
from tests.integration.controller.requests import as_node

SYSTEM = "--namespace=kube-system"
PROFILES = ("default", "small", "tiny")
CAMERA = "worker-config-camera"


def told(controller: Controller, name: str, *identity: str) -> dict[str, object]:
    """The document of a ConfigMap."""
    path = "--output=jsonpath={.data.worker\\.json}"
    document: dict[str, object] = json.loads(controller.applied("get", "configmap", name, SYSTEM, path, *identity))
    return document


def test_bearer_of_a_token_reads_what_workers_are_told(controller: Controller, tmp_path: Path) -> None:
    bearer = f"--kubeconfig={token(controller, tmp_path / 'token')}"
    documents = {profile: told(controller, f"worker-config-{profile}", bearer) for profile in PROFILES}
    assert {document["version"] for document in documents.values()} == {"v1"}
    tiny = documents["tiny"]
    assert tiny["kubelet"]["maxPods"] == 30  # type: ignore[index]
    assert tiny["dnsAddress"] == "10.96.0.10"
    assert tiny["tunnel"] == {"port": controller.place.agent_port}
    assert tiny["network"]["flannelConfig"]["Backend"] == {"Type": "vxlan"}  # type: ignore[index]
    assert tiny["kubeletClientCA"] == (controller.place.data / "pki" / "client-ca.crt").read_text()


def test_bearer_of_a_token_reads_nothing_else(controller: Controller, tmp_path: Path) -> None:
    bearer = f"--kubeconfig={token(controller, tmp_path / 'token')}"
    named = controller.applied("get", "configmaps,secrets", SYSTEM, "--output=name").split()
    permitted = {f"configmap/worker-config-{profile}" for profile in PROFILES}
    assert permitted < set(named)
    for name in named:
        assert (controller.kubectl("get", name, SYSTEM, bearer).code == 0) == (name in permitted), name
    for resource in ("configmaps", "secrets", "pods", "services", "nodes"):
        assert "forbidden" in controller.kubectl("get", resource, SYSTEM, bearer).stderr.lower()


@pytest.mark.parametrize(
    ("identity", "permitted"), [(as_node("edge-1"), True), (("--as=eve", "--as-group=system:authenticated"), False)]
)
def test_nodes_read_what_workers_are_told(controller: Controller, identity: tuple[str, ...], permitted: bool) -> None:
    result = controller.kubectl("get", "configmap", "worker-config-default", SYSTEM, *identity)
    assert (result.code == 0) == permitted


def test_configuration_reaches_workers_after_a_restart(kedge: Path, tmp_path: Path) -> None:
    profile = {"name": "camera", "values": {"maxPods": 3}}
    with running_controller(place(kedge, tmp_path, workerProfiles=[profile])) as controller:
        assert told(controller, CAMERA)["kubelet"]["maxPods"] == 3  # type: ignore[index]
    changed = {"name": "camera", "values": {"maxPods": 4}}
    network = {"clusterDomain": "edge.example", "provider": "custom", "kubeProxy": {"disabled": True}}
    with running_controller(place(kedge, tmp_path, workerProfiles=[changed], network=network)) as controller:
        document = told(controller, CAMERA)
        assert document["kubelet"]["maxPods"] == 4  # type: ignore[index]
        assert document["clusterDomain"] == "edge.example"
        assert document["network"] == {"disabled": True, "provider": "custom"}
        assert document["proxy"] == {"disabled": True, "mode": "nftables"}
    with running_controller(place(kedge, tmp_path)) as controller:
        assert "NotFound" in controller.kubectl("get", "configmap", CAMERA, SYSTEM).stderr
