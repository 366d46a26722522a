"""What every cluster has before anybody adds to it, and how it is left out."""

from pathlib import Path

from tests.integration.components.process import wait_for
from tests.integration.controller.controller import Controller, place, running_controller

NODE = ("--as=system:node:edge-1", "--as-group=system:nodes", "--as-group=system:authenticated")
POLICIES = "networkpolicies.networking.k8s.io"


def may(controller: Controller, *question: str) -> bool:
    """What the API server says that a node may do."""
    return controller.kubectl("auth", "can-i", *question, *NODE).stdout.strip() == "yes"


def test_dns_service_is_where_everybody_looks(controller: Controller) -> None:
    path = "--output=jsonpath={.spec.clusterIP} {.spec.ports[*].port}"
    assert controller.applied("get", "service", "kube-dns", "--namespace=kube-system", path) == "10.96.0.10 53 53"
    # Every node has the address itself.
    path = "--output=jsonpath={.endpoints[*].addresses[*]}"
    assert controller.applied("get", "endpointslice", "kube-dns", "--namespace=kube-system", path) == "10.96.0.10"


def test_nodes_may_what_runs_on_them_needs_and_no_more(controller: Controller) -> None:
    for resource in ("endpointslices.discovery.k8s.io", "services", "namespaces", "nodes", "pods", POLICIES):
        assert may(controller, "list", resource, "--all-namespaces"), resource
    assert may(controller, "patch", "nodes/status")
    assert not may(controller, "list", "secrets", "--all-namespaces")
    assert not may(controller, "list", "configmaps", "--namespace=kube-system")
    assert not may(controller, "patch", "services", "--namespace=kube-system")
    assert not may(controller, "patch", POLICIES, "--namespace=kube-system")


def test_stacks_that_are_disabled_go(kedge: Path, tmp_path: Path) -> None:
    where = place(kedge, tmp_path)
    dns = ("get", "service", "kube-dns", "--namespace=kube-system")
    flannel = ("get", "clusterrole", "kedge:flannel")
    with running_controller(where) as controller:
        controller.applied(*dns)
        controller.applied(*flannel)
    disabled = "--disable-components=coredns,network-provider,kube-proxy,network-policy"
    with running_controller(where, disabled) as controller:
        wait_for(controller.daemon, lambda: "NotFound" in controller.kubectl(*dns).stderr, what="without DNS")
        wait_for(controller.daemon, lambda: "NotFound" in controller.kubectl(*flannel).stderr, what="without flannel")
        policies = ("list", POLICIES, "--all-namespaces")
        wait_for(controller.daemon, lambda: not may(controller, *policies), what="without network policies")
