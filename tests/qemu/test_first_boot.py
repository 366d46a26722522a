"""Devices that become nodes by what lies on their cards, with nobody near them."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from builder.fleet.authorities import API
from builder.fleet.role import Role
from tests.qemu.cards import digest_of, first_boot, operator, provisioned
from tests.qemu.lab import Lab


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "kind", "memory_mib"),
    [("generic-amd64", "q35-uefi", 1536), ("generic-arm64", "virt-arm64", 1536), ("generic-armv7", "virt-armv7", 1024)],
    ids=["amd64", "arm64", "armv7"],
)
def test_a_device_is_a_cluster_with_nobody_near_and_no_network(
    board: str, kind: str, memory_mib: int, lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    work = operator(lab)
    device = replace(lab.device("barn", board, kind), is_networked=False)
    provisioned(work, device, "barn", Role.SINGLE, "site: orchard", "profile: small")
    # Its clock is this machine's: certificates are good from now on.
    with lab.start(device, memory_mib=memory_mib, own_time=False) as machine:
        said = first_boot(machine)
        record_property("said", json.dumps(said))
        machine.cut_power()
    assert said["nodes"] == "barn Ready", said
    assert (said["hostname"], said["zone"], said["failed"]) == ("barn", "orchard", ""), said
    assert said["units"].split() == ["kedge-single.service", "active"], said
    assert said["status"].split(":")[1].strip() == "joined", said
    # What is secret has left the card, and the cluster is the operator's.
    assert not {"controller.tar", "kedge.yaml"} & set(said["files"].split()), said
    assert {"node.yaml", "status.txt"} <= set(said["files"].split()), said
    assert b"PRIVATE KEY" not in lab.partition(device.disk, 1, device.directory / "card").read_bytes()
    authority = work.directory.read().certificates.roots[API]
    assert said["authority"] == digest_of(authority), said
    # The power went without a word, and everything is there again.
    with lab.start(device, memory_mib=memory_mib, own_time=False) as machine:
        again = first_boot(machine)
    assert (again["nodes"], again["authority"], again["failed"]) == ("barn Ready", said["authority"], ""), again
