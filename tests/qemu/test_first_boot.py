"""Devices that become nodes by what lies on their cards, with nobody near them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from builder.app.clusters.nodes import add_nodes
from builder.app.provision.work import Provisioner
from builder.fleet.authorities import API
from builder.fleet.endpoints import Endpoint
from builder.fleet.role import Role
from builder.vm.machine import Machine
from tests.integration.trust import make_trust, now
from tests.qemu.lab import BOOT_S, Device, Lab, told
from tests.qemu.workers import READY_S

_TOLD = r"(?s)KEDGE-TEST files=.*KEDGE-TEST told=yes"


def operator(lab: Lab) -> Provisioner:
    """Who has a cluster's trust, made before any node."""
    cluster, unlocking = make_trust(lab.place, Endpoint.parse("farm.example.com"))
    return Provisioner(directory=cluster, unlocking=unlocking, now=now())


def provisioned(work: Provisioner, device: Device, name: str, role: Role, *lines: str) -> None:
    """Make the disk of `device` the node `name`, with `lines` of the operator's in its node.yaml."""
    add_nodes(work.directory, [name], role, now=now())
    file = work.directory.node(name)
    file.write_text("".join([file.read_text(), *(f"{line}\n" for line in lines)]))
    work.one(device.disk, name)


def digest_of(text: str) -> str:
    """The first digits of its SHA-256, as devices tell it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def first_boot(machine: Machine) -> Mapping[str, str]:
    """What a device tells when it has become a node (overlay/usr/lib/test/tell-first-boot). Nobody types anything."""
    return told(machine.expect(_TOLD, BOOT_S + READY_S)[0])


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
