"""Cards that an operator has provisioned, and devices that tell what they made of them."""

import hashlib
from collections.abc import Mapping

from builder.app.clusters.nodes import add_nodes
from builder.app.provision.work import Provisioner
from builder.fleet.endpoints import Endpoint
from builder.fleet.role import Role
from builder.vm.machine import Machine
from tests.integration.trust import make_trust, now
from tests.qemu.lab import BOOT_S, Device, Lab, told
from tests.qemu.workers import READY_S

_TOLD = r"(?s)KEDGE-TEST files=.*KEDGE-TEST told=yes"


def operator(lab: Lab, endpoint: str = "mill.example.com") -> Provisioner:
    """Who has a cluster's trust, made before any node."""
    cluster, unlocking = make_trust(lab.place, Endpoint.parse(endpoint))
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
