"""Pods that a bridge connects: what the guide says of the networks of others."""

import pytest

from tests.integration.policy.site import PORTS, Peer, Site

ALL, NONE = set(PORTS), set[str]()
SWITCHES = ("iptables", "ip6tables")


def plug(site: Site, app: str, number: int) -> Peer:
    """A pod at the bridge, which finds its neighbours by itself."""
    name = f"b-{app}"
    net, addresses = site.node.pod(name), (f"10.244.3.{number}", f"fd00:244:3::{number}")
    site.node.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(net.pid))
    site.node.run("ip", "link", "set", name, "up", "master", "bridge")
    site.node.run("ip", "link", "set", "eth0", "up", pod=net)
    for address, bits in zip(addresses, (24, 64), strict=True):
        site.node.run("ip", "address", "add", f"{address}/{bits}", "dev", "eth0", "nodad", pod=net)
    peer = Peer(name=name, namespace="x", addresses=addresses, net=net)
    site.serve(peer)
    site.announce(peer, app, app=app)
    return peer


def switch(site: Site, value: int) -> None:
    for name in SWITCHES:
        site.node.run("/bin/sh", "-c", f"echo {value} > /proc/sys/net/bridge/bridge-nf-call-{name}")


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_rules_hold_on_a_bridge_that_asks_for_them(site: Site, family: int) -> None:
    if not site.peers.keys() & {"b-front"}:
        site.node.run("ip", "link", "add", "bridge", "type", "bridge")
        site.node.run("ip", "link", "set", "bridge", "up")
        for number, app in enumerate(("front", "back", "other"), start=2):
            plug(site, app, number)
    switch(site, 1)
    for name in "front", "other":
        site.node.run("ip", "neighbour", "flush", "dev", "eth0", pod=site.peers[f"b-{name}"].net)
    back, front = ({"matchLabels": {"app": app}} for app in ("back", "front"))
    # It may answer those who look for its hardware address, whomever it may not talk to.
    both = ["Ingress", "Egress"]
    site.policy({"podSelector": back, "policyTypes": both, "ingress": [{"from": [{"podSelector": front}]}]})
    closed = {("b-front", "b-back"): ALL, ("b-other", "b-back"): NONE, ("b-back", "b-other"): NONE}
    site.expect(closed, family=family)
    switch(site, 0)
    site.expect(dict.fromkeys(closed, ALL), family=family)
