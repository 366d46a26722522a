"""What stands when network-policy, the API server or the table comes and goes."""

import subprocess

from tests.integration.policy.relay import relayed
from tests.integration.policy.site import PORTS, TABLES, Site

ALL, NONE = set(PORTS), set[str]()
DENIED = {("x-api", "x-web"): NONE, ("y-api", "x-web"): NONE, ("x-web", "y-api"): ALL}
OPEN = dict.fromkeys(DENIED, ALL)


def test_a_restart_and_a_missing_api_server_open_nothing(furnished: Site) -> None:
    furnished.policy({"podSelector": {"matchLabels": {"app": "web"}}})
    port = furnished.controller.place.api_port
    with relayed(furnished.node, port):
        with furnished.enforcing() as daemon:
            furnished.wait_until_ready(daemon)
            furnished.expect(DENIED)
        # It has ended, and its rules are there.
        furnished.expect(DENIED)
        before = furnished.table("ip")
    # It runs, and hears nothing.
    with furnished.enforcing() as daemon:
        furnished.wait_until(lambda: furnished.health("healthz") == "network-policy is running", "running")
        furnished.expect(DENIED)
        assert furnished.health("readyz") == ""
        assert furnished.table("ip") == before
        # While it takes over what stands, nobody gets through.
        with relayed(furnished.node, port):
            while furnished.health("readyz") == "":
                assert furnished.opened(furnished.peers["x-api"], furnished.peers["x-web"]) == NONE
            furnished.expect(DENIED)
            furnished.kubectl("delete", "networkpolicies", "--all", "--namespace=x")
            furnished.expect(OPEN)


def test_a_table_that_somebody_flushed_comes_back(furnished: Site) -> None:
    furnished.policy({"podSelector": {"matchLabels": {"app": "web"}}})
    with (
        relayed(furnished.node, furnished.controller.place.api_port),
        furnished.enforcing("--sync-period=1s") as daemon,
    ):
        furnished.wait_until_ready(daemon)
        furnished.expect(DENIED)
        furnished.node.run(str(furnished.node.helpers / "bin/nft"), "flush", "ruleset")
        furnished.expect(DENIED)
        # Somebody who made a set of ours into something else is put right too.
        nft = str(furnished.node.helpers / "bin/nft")
        furnished.node.run(nft, "delete table ip kedge-network-policy; add table ip kedge-network-policy; "
                                "add map ip kedge-network-policy own { type ipv4_addr : verdict; }")  # fmt: skip
        furnished.expect(DENIED)
    furnished.reset()


def test_cleanup_leaves_no_table(furnished: Site) -> None:
    furnished.policy({"podSelector": {"matchLabels": {"app": "web"}}})
    with relayed(furnished.node, furnished.controller.place.api_port), furnished.enforcing() as daemon:
        furnished.wait_until_ready(daemon)
        furnished.expect(DENIED)
    for _ in range(2):
        subprocess.run(furnished.argv("network-policy", "--cleanup"), check=True)
        assert [furnished.table(family) for family in TABLES] == ["", ""]
    furnished.expect(OPEN)
    furnished.reset()
