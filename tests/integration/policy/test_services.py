"""The policy of the guide, asked by pods that know a service alone, with a real kube-proxy."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.components.ports import LOOPBACK
from tests.integration.components.process import running
from tests.integration.policy.site import GATEWAYS, HERE, PORTS, Peer, Site

GUIDE = Path(__file__).parents[3] / "docs/guides/network-policy.md"
NONE = set[str]()
SERVICE = Peer(name="service", namespace="x", addresses=("10.96.0.77", "::"), net=None)


@contextmanager
def kube_proxy(site: Site) -> Iterator[None]:
    """It runs as the node, and changes no setting of the kernel's."""
    limits = ("max-per-core", "min", "tcp-timeout-established", "tcp-timeout-close-wait")
    argv = site.argv(
        "kube-proxy", "--proxy-mode=nftables", f"--hostname-override={HERE}", f"--kubeconfig={site.kubeconfig}",
        f"--healthz-bind-address={LOOPBACK}:10256", f"--metrics-bind-address={LOOPBACK}:10249",
        *(f"--conntrack-{name}=0" for name in limits),
    )  # fmt: skip
    with running(argv, name="kube-proxy", directory=site.directory):
        yield


def test_the_guides_policy_is_about_the_pods_of_a_service(site: Site) -> None:
    address = {"status": {"addresses": [{"type": "InternalIP", "address": GATEWAYS[0]}]}}
    site.kubectl("patch", "node", HERE, "--subresource=status", "--type=merge", f"--patch={json.dumps(address)}")
    ports = [{"port": 80, "targetPort": "http"}]
    spec = {"clusterIP": SERVICE.addresses[0], "selector": {"app": "web"}, "ports": ports}
    site.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "x"}, "spec": spec})
    site.peers["service"] = SERVICE
    clients = ("x-web", "x-api", "y-api", "x-far")
    with kube_proxy(site):
        site.expect({(client, "service"): {"tcp/80"} for client in clients})
        (policy,) = re.findall(r"^```yaml\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
        (site.directory / "policy.yaml").write_text(policy)
        site.kubectl("apply", f"--filename={site.directory}/policy.yaml")
        # Nobody keeps the pod behind the service from itself.
        allowed = ("x-web", "x-api")
        site.expect({(client, "service"): {"tcp/80"} if client in allowed else NONE for client in clients})
        site.expect({("x-api", "x-web"): {"tcp/8080"}, ("y-api", "x-web"): NONE, ("x-web", "y-api"): set(PORTS)})
