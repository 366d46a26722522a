"""Network policies on one node of a larger cluster: memory, and how soon a policy is in the kernel."""

import base64
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from benchmarks.report import Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.smaps import Usage, usage_of
from benchmarks.stats import Series, interleave, tell
from builder.core.arch import host_arch
from builder.core.errors import BuilderError
from builder.payload.reader import read_payload
from tests.integration.controller.controller import Controller, place, running_controller
from tests.integration.helpers.network import running_node
from tests.integration.policy.relay import relayed
from tests.integration.policy.site import ELSEWHERE, HERE, Site, furnish, node_kubeconfig

_PODS, _PODS_HERE, _POLICIES = 500, 100, 50
_ROUNDS = 15
_SETTLED_S, _GIVE_UP_S = 20, 60
_POLL_S = 0.01
_FEW, _MANY = "a few pods, no policy", f"{_PODS} pods, {_POLICIES} policies"


def measure(setting: Setting) -> Report:
    """A real controller; the node has a network of its own, its pods are known to the API server alone."""
    with setting.place() as root:
        kedge = setting.built_kedge(root)
        with _furnished(kedge, root) as site, relayed(site.node, site.controller.place.api_port):
            usages = {_FEW: _usage(site)}
            _populate(site)
            usages[_MANY] = _usage(site)
            with site.enforcing() as daemon:
                site.wait_until_ready(daemon)
                # One pod is isolated or not: the map that leads its packets to the chain says so.
                cases = {
                    "a policy more": partial(_seconds, site, _isolate, is_isolated=True),
                    "a policy less": partial(_seconds, site, _release, is_isolated=False),
                }
                times = interleave(cases, setting.rounds or _ROUNDS)
            return report(usages, {**times, "start with all rules there": Series.of(_start_s(site))})


@contextmanager
def _furnished(kedge: Path, root: Path) -> Iterator[Site]:
    payload = read_payload(kedge)
    if payload is None:
        raise BuilderError(f"{kedge} carries no helpers", hint="build it with ./builderw make")
    payload.extract(root / "helpers")
    (root / "c").mkdir()
    with running_controller(place(kedge, root / "c")) as controller, running_node(root / "helpers", root) as node:
        kubeconfig = node_kubeconfig(controller, root / "node.conf")
        site = Site(controller=controller, node=node, kubeconfig=kubeconfig, directory=root)
        furnish(site)
        yield site


def _usage(site: Site) -> Usage:
    """The memory of network-policy that has settled."""
    with site.enforcing() as daemon:
        site.wait_until_ready(daemon)
        time.sleep(_SETTLED_S)
        return usage_of(daemon.process.pid)


def _start_s(site: Site) -> float:
    began_s = time.monotonic()
    with site.enforcing() as daemon:
        site.wait_until_ready(daemon)
        return time.monotonic() - began_s


def _populate(site: Site) -> None:
    """Pods in 50 groups, and a policy for each that lets the next one in."""
    tell(f"making {_PODS} pods and {_POLICIES} policies")
    pods = [_pod(number) for number in range(_PODS)]
    site.create(*pods, *(_policy(f"group-{n}", f"group-{n}", f"group-{n + 1}") for n in range(_POLICIES)))
    with _api(site.controller) as api:
        for number in range(_PODS):
            address = f"10.245.{number // 250}.{number % 250 + 1}"
            status = {"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}
            answer = api.patch(
                f"/api/v1/namespaces/x/pods/pod-{number}/status",
                content=json.dumps(status), headers={"content-type": "application/merge-patch+json"},
            )  # fmt: skip
            answer.raise_for_status()


def _pod(number: int) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number}", "namespace": "x", "labels": {"app": f"group-{number % _POLICIES}"}},
        "spec": {
            "nodeName": HERE if number < _PODS_HERE else ELSEWHERE,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": 8080}]}],
        },
    }


def _policy(name: str, selected: str, peer: str) -> dict[str, object]:
    sources = [{"podSelector": {"matchLabels": {"app": peer}}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "x"},
        "spec": {
            "podSelector": {"matchLabels": {"app": selected}},
            "ingress": [{"from": sources, "ports": [{"port": "http"}]}],
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What one round asks of the API server."""

    method: str
    path: str
    body: str


_POLICIES_OF_X = "/apis/networking.k8s.io/v1/namespaces/x/networkpolicies"
_isolate = _Change(method="POST", path=_POLICIES_OF_X, body=json.dumps(_policy("web", "web", "api")))
_release = _Change(method="DELETE", path=f"{_POLICIES_OF_X}/web", body="")


def _seconds(site: Site, change: _Change, *, is_isolated: bool) -> float:
    """From the request until the kernel has what it means."""
    address = site.peers["x-web"].addresses[0]
    nft = str(site.node.helpers / "bin/nft")
    with _api(site.controller) as api:
        began_s = time.monotonic()
        api.request(
            change.method, change.path, content=change.body, headers={"content-type": "application/json"}
        ).raise_for_status()
        while (
            address in site.node.run(nft, "list", "map", "ip", "kedge-network-policy", "ingress-pods")
        ) != is_isolated:
            if time.monotonic() - began_s > _GIVE_UP_S:
                raise BuilderError(f"the policy did not reach the kernel within {_GIVE_UP_S} s")
            time.sleep(_POLL_S)
        return time.monotonic() - began_s


@contextmanager
def _api(controller: Controller) -> Iterator[httpx.Client]:
    """The API server as its administrator sees it."""
    admin = controller.place.data / "pki" / "admin.conf"
    shown = controller.applied("config", "view", "--raw", "--output=json", f"--kubeconfig={admin}")
    config = json.loads(shown)
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    identity = controller.place.directory / "admin.pem"
    parts = user["client-certificate-data"], user["client-key-data"]
    identity.write_bytes(b"\n".join(base64.b64decode(part) for part in parts))
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    context.load_cert_chain(identity)
    with httpx.Client(base_url=cluster["server"], verify=context, trust_env=False, timeout=_GIVE_UP_S) as client:
        yield client


def report(usages: dict[str, Usage], times: dict[str, Series]) -> Report:
    """Memory by what the cluster has, seconds by what changes."""
    memory = [
        Measurement(name=f"memory, {kind}: {name}", unit=Unit.BYTES, series=Series.of(getattr(usage, attribute)))
        for name, usage in usages.items()
        for kind, attribute in (("anonymous", "anonymous"), ("Pss", "pss"))
    ]
    return Report(
        group="policies",
        figures=[],
        measurements=[
            *memory,
            *(Measurement(name=name, unit=Unit.SECONDS, series=found) for name, found in times.items()),
        ],
        notes=[
            f"{host_arch()}. {_PODS} pods, {_PODS_HERE} here; {_POLICIES} policies, each from ten pods to ten, by a name.",
            "Seconds are from the request until nft lists it; for 0.05 s of them network-policy waits for more to come.",
        ],
    )
