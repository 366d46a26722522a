"""Packets between pods under NetworkPolicy objects, in the order of upstream's list of cases (test/e2e/network/netpol)."""

from typing import Any

import pytest

from tests.integration.policy.connection import connected
from tests.integration.policy.site import PORTS, Site

ALL, NONE = set(PORTS), set[str]()
WEB, API = {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "api"}}
BLUE = {"matchLabels": {"team": "blue"}}
ATTEMPTS = 12
EVERYBODY = ("x-api", "y-api", "x-far", "stranger")


def ingress(*rules: dict[str, Any], pods: dict[str, Any] = WEB) -> dict[str, Any]:
    return {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": rules}


def egress(*rules: dict[str, Any], pods: dict[str, Any] = WEB) -> dict[str, Any]:
    return {"podSelector": pods, "policyTypes": ["Egress"], "egress": rules}


def block(cidr: str, *excepted: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr, "except": excepted}}


def to_web(**wanted: set[str]) -> dict[tuple[str, str], set[str]]:
    """What is open to x/web; nothing is, for whom it does not say otherwise."""
    return {(client, "x-web"): wanted.get(client.replace("-", "_"), NONE) for client in EVERYBODY}


def from_web(**wanted: set[str]) -> dict[tuple[str, str], set[str]]:
    """The same for what x/web may reach."""
    return {("x-web", server): wanted.get(server.replace("-", "_"), NONE) for server in EVERYBODY}


def everything(pairs: dict[tuple[str, str], set[str]]) -> dict[tuple[str, str], set[str]]:
    return dict.fromkeys(pairs, ALL)


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_without_policies_everything_is_open(site: Site, family: int) -> None:
    site.expect(everything(to_web()) | everything(from_web()), family=family)


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_denied_ingress(site: Site, family: int) -> None:
    site.policy({"podSelector": {}})
    rest = {("x-web", "y-api"): ALL, ("x-web", "x-api"): NONE, ("y-api", "stranger"): ALL}
    site.expect(to_web() | rest, family=family)


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_denied_egress(site: Site, family: int) -> None:
    site.policy({"podSelector": {}, "policyTypes": ["Egress"]})
    rest = {("y-api", "x-web"): ALL, ("stranger", "x-web"): ALL, ("x-api", "x-web"): NONE}
    site.expect(from_web() | rest, family=family)


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_a_closed_pod_and_its_node_reach_each_other(site: Site, family: int) -> None:
    site.policy({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    site.expect(to_web() | from_web(), family=family)
    site.expect({("node", "x-web"): ALL, ("x-web", "node"): ALL, ("x-web", "x-web"): ALL}, family=family)


@pytest.mark.parametrize(
    ("peers", "wanted"),
    [
        pytest.param([{"podSelector": API}], {"x_api": ALL}, id="pods of the namespace"),
        pytest.param([{"namespaceSelector": {}}], {"x_api": ALL, "y_api": ALL, "x_far": ALL}, id="all namespaces"),
        pytest.param([{"namespaceSelector": BLUE}], {"y_api": ALL}, id="a namespace"),
        pytest.param([{"namespaceSelector": BLUE, "podSelector": WEB}], {}, id="both at once: nobody is both"),
        pytest.param([{"namespaceSelector": BLUE}, {"podSelector": {"matchLabels": {"app": "far"}}}],
                     {"y_api": ALL, "x_far": ALL}, id="one or the other"),
        pytest.param([block("10.244.0.0/16", "10.244.1.4/32", "10.244.2.99/32")],
                     {"x_api": ALL, "x_far": ALL}, id="block with exceptions"),
        pytest.param([block("10.244.0.0/16", "10.244.2.0/24"), block("10.244.2.99/32")],
                     {"x_api": ALL, "y_api": ALL, "stranger": ALL}, id="exception that another block allows"),
        pytest.param([block("0.0.0.0/0", "10.244.2.0/24")], {"x_api": ALL, "y_api": ALL}, id="all addresses but some"),
    ],
)  # fmt: skip
def test_peers(site: Site, peers: list[dict[str, Any]], wanted: dict[str, set[str]]) -> None:
    site.policy(ingress({"from": peers}))
    site.expect(to_web(**wanted))
    site.policy(egress({"to": peers}))
    site.expect(from_web(**wanted) | everything(to_web()))


def test_blocks_of_ipv6(site: Site) -> None:
    site.policy(ingress({"from": [block("fd00:244::/32", "fd00:244:2::/48")]}))
    site.expect(to_web(x_api=ALL, y_api=ALL), family=1)
    site.expect(to_web())


@pytest.mark.parametrize(
    ("ports", "wanted"),
    [
        pytest.param([{"port": 80}], {"tcp/80"}, id="number"),
        pytest.param([{"port": 80, "endPort": 81}], {"tcp/80", "tcp/81"}, id="range"),
        pytest.param([{"port": "http"}], {"tcp/8080"}, id="name"),
        pytest.param([{"port": "http"}, {"port": 53, "protocol": "UDP"}], {"tcp/8080", "udp/53"}, id="name and number"),
        pytest.param([{"protocol": "UDP"}], {"udp/53"}, id="protocol"),
        pytest.param([{"protocol": "SCTP", "port": 80}], NONE, id="SCTP is not TCP"),
        pytest.param([{"port": "nobodys"}], NONE, id="name that no pod has"),
    ],
)
def test_ports(site: Site, ports: list[dict[str, Any]], wanted: set[str]) -> None:
    site.policy(ingress({"ports": ports}))
    # A name is one of the pod's: the stranger has none.
    site.expect(to_web(**{client.replace("-", "_"): wanted for client in EVERYBODY}))
    site.policy(egress({"ports": ports}))
    strangers = wanted - {"tcp/8080"}
    site.expect(from_web(x_api=wanted, y_api=wanted, x_far=wanted, stranger=strangers))


def test_policies_add_up(site: Site) -> None:
    site.policy(ingress({"ports": [{"port": 80}]}), name="one")
    site.policy(ingress({"from": [{"podSelector": API}], "ports": [{"port": 81}]}, pods={}), name="two")
    site.expect(to_web(x_api={"tcp/80", "tcp/81"}, y_api={"tcp/80"}, x_far={"tcp/80"}, stranger={"tcp/80"}))
    site.policy(ingress({}), name="all")
    site.expect(everything(to_web()))
    site.kubectl("delete", "networkpolicy", "all", "one", "--namespace=x")
    site.expect(to_web(x_api={"tcp/81"}))


def test_both_ends_must_agree(site: Site) -> None:
    site.policy(ingress({"from": [{"podSelector": API}]}), name="in")
    site.policy(egress({"ports": [{"port": 80}]}, pods=API), name="out")
    site.expect(to_web(x_api={"tcp/80"}) | {("x-api", "y-api"): {"tcp/80"}})


def test_what_changes_its_labels_changes_its_rights(site: Site) -> None:
    site.policy(ingress({"from": [{"podSelector": API}, {"namespaceSelector": {"matchLabels": {"team": "green"}}}]}))
    site.expect(to_web(x_api=ALL))
    site.kubectl("label", "pod", "far", "app=api", "--overwrite", "--namespace=x")
    site.kubectl("label", "namespace", "y", "team=green", "--overwrite")
    site.expect(to_web(x_api=ALL, x_far=ALL, y_api=ALL))
    site.kubectl("label", "pod", "far", "app=far", "--overwrite", "--namespace=x")
    site.kubectl("label", "namespace", "y", "team=blue", "--overwrite")
    site.expect(to_web(x_api=ALL))
    # Not selected any more, it is open.
    site.kubectl("label", "pod", "web", "app=other", "--overwrite", "--namespace=x")
    site.expect(everything(to_web()))
    site.kubectl("label", "pod", "web", "app=web", "--overwrite", "--namespace=x")
    site.expect(to_web(x_api=ALL))


def test_a_pod_that_ended_has_no_rights(site: Site) -> None:
    site.policy(ingress({"from": [{"podSelector": {"matchLabels": {"app": "guest"}}}]}))
    guest = site.add_pod("guest", 9, namespace="x", app="guest")
    site.expect({("x-guest", "x-web"): ALL} | to_web())
    site.report(guest, "guest", {"phase": "Succeeded"})
    site.expect({("x-guest", "x-web"): NONE})
    site.kubectl("delete", "pod", "guest", "--namespace=x", "--force")


def test_another_policy_of_another_namespace_is_its_own_matter(site: Site) -> None:
    site.policy({"podSelector": {}}, namespace="y")
    site.expect(everything(to_web()) | {("x-web", "y-api"): NONE})


def test_open_connections_survive_a_new_policy(site: Site) -> None:
    target = f"tcp/{site.peers['x-web'].addresses[0]}/80"
    site.expect(everything(to_web()))
    with connected(site, site.peers["x-api"], target) as connection:
        assert connection.echo("before") == "before"
        site.policy(ingress())
        site.expect(to_web())
        assert connection.echo("after") == "after"


def test_changes_of_others_never_open(site: Site) -> None:
    """Policies of the same pod come and go at a rate while a client tries all the time."""
    site.policy(ingress(), name="denied")
    site.expect(to_web())
    for attempt in range(ATTEMPTS):
        site.policy(ingress({"ports": [{"port": 1000 + attempt}]}), name=f"other-{attempt % 3}")
        assert site.opened(site.peers["y-api"], site.peers["x-web"]) == NONE
