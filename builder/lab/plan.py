"""A lab with everything decided: what its supervisor is given, as JSON in the lab's directory."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Strict

from builder.fleet.role import Role
from builder.lab.model import FIRST_PORT, LAST_PORT, Lab, LabNetwork, NetworkKind
from builder.recipe.section import NamedArch, Section
from builder.vm.model import MachineType
from builder.vm.setup import Accelerator

# A lab's ports: two for its cluster, and one for each machine's SSH.
PORTS_OF_A_LAB = 64
_API, _TUNNEL, _FIRST_SSH = 0, 1, 2
SSH = 22
# What a guest behind QEMU's NAT reaches this machine's loopback address as (QEMU's documentation of `-netdev user`).
HOST_OF_NAT = "10.0.2.2"


class PlannedForward(Section):
    """A port of 127.0.0.1, and the guest's that it leads to."""

    host_port: int
    guest_port: int


class PlannedNetwork(Section):
    """An attachment of a machine: the network's name, and what is special about it there.

    `address` is the one that it has in a segment, with the length of the network.
    """

    name: str
    forwards: tuple[PlannedForward, ...] = ()
    address: str = ""


class PlannedMachine(Section):
    """A machine as its supervisor starts it; `ssh_port` is 0 where none leads to it."""

    name: str
    type: MachineType
    accelerator: Annotated[Accelerator, Strict(strict=False)]
    memory_mib: int
    cores: int
    role: Annotated[Role, Strict(strict=False)] | None
    networks: tuple[PlannedNetwork, ...]
    ssh_port: int = 0
    has_agent: bool = False


class Plan(Section):
    """A whole lab. `qemu` is the tree of tools, for the architecture `host`."""

    name: str
    title: str
    file: str
    qemu: str
    host: NamedArch
    networks: Mapping[str, LabNetwork]
    machines: tuple[PlannedMachine, ...]


def first_port(lab: Lab, name: str) -> int:
    """The first of the lab's ports: always the same for the same name."""
    if lab.ports:
        return lab.ports
    blocks = (LAST_PORT - FIRST_PORT) // PORTS_OF_A_LAB
    return FIRST_PORT + int(hashlib.sha256(name.encode()).hexdigest(), 16) % blocks * PORTS_OF_A_LAB


def ports_of_cluster(first: int) -> tuple[int, int]:
    """Where the API server and the tunnel listen, on this machine and on the controller alike."""
    return first + _API, first + _TUNNEL


def attachments(lab: Lab, name: str, first: int) -> Sequence[PlannedNetwork]:
    """How the machine `name` is attached to each of its networks."""
    machine, index = lab.machines[name], list(lab.machines).index(name)
    found: list[PlannedNetwork] = []
    forwards: list[PlannedForward] = []
    if machine.role and machine.role.controls:
        forwards = [PlannedForward(host_port=port, guest_port=port) for port in ports_of_cluster(first)]
    if machine.role:
        forwards.append(PlannedForward(host_port=first + _FIRST_SSH + index, guest_port=SSH))
    for network in machine.networks:
        if lab.networks[network].kind is NetworkKind.SEGMENT:
            found.append(PlannedNetwork(name=network, address=_address(lab, network, index)))
        else:
            found.append(PlannedNetwork(name=network, forwards=tuple(forwards)))
            forwards = []
    return found


def _address(lab: Lab, network: str, index: int) -> str:
    """Private addresses (RFC 1918) that neither clusters nor QEMU take by themselves."""
    return f"192.168.{100 + list(lab.networks).index(network)}.{10 + index}/24"


def write_plan(plan: Plan, path: Path) -> None:
    """Write `plan`, which holds no secret."""
    path.write_text(plan.model_dump_json(indent=1))


def read_plan(path: Path) -> Plan:
    """The plan that `write_plan` has written."""
    return Plan.model_validate_json(path.read_bytes(), strict=False)
