"""One machine as somebody wants it: which kind, with which disk, networks and size."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from builder.vm.model import MachineType

# Locally administered, as QEMU's own addresses are.
_MAC_PREFIX = "52:54:00"


class Accelerator(StrEnum):
    """What runs the guest's instructions: an emulator, or this machine's processor."""

    TCG = "tcg"
    KVM = "kvm"


class DiskFormat(StrEnum):
    """How a disk lies in its file."""

    RAW = "raw"
    QCOW2 = "qcow2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk in the file `path`, absolute or relative to the machine's directory.

    `disposable`: nobody looks at it after a crash of this machine, so flushes need not reach the file. `write_log`: a file
    that gets every write and flush of the guest in its order (`builder.vm.writelog`).
    """

    path: Path
    format: DiskFormat
    disposable: bool = False
    write_log: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Connections to `host_port` of this machine's loopback address go to `guest_port`."""

    host_port: int
    guest_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserNetwork:
    """Outward connections through this machine, an address by DHCP, and no host name by it.

    `relayed`: frames pass a segment on their way (`builder.vm.segment`), which may be slow, or cut.
    """

    forwards: Sequence[Forward] = ()
    relayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedNetwork:
    """A segment with other machines and nothing else; see `builder.vm.segment`."""


Network: TypeAlias = UserNetwork | SharedNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """`name` tells machines apart: addresses of network devices come from it. `screen`: pictures can be taken.

    `own_time`: while the guest computes its clock counts instructions, so that it takes itself for as fast however little of
    this machine it gets, and waits for nothing in vain. Emulated machines only, which have one core then. `media`: further
    disks, as somebody would plug in; virtual machines only. `cores` is 0 for what the kind has. `clock`: what its clock
    says when it is turned on, as in 2026-01-31T12:00:00; empty for the time. `agent`: there is a bus to which the port of an
    agent can be plugged; virtual machines only.
    """

    name: str
    type: MachineType
    disk: Disk
    memory_mib: int
    accelerator: Accelerator = Accelerator.TCG
    networks: Sequence[Network] = ()
    screen: bool = False
    own_time: bool = False
    media: Sequence[Disk] = ()
    cores: int = 0
    clock: str = ""
    agent: bool = False

    def mac(self, index: int) -> str:
        """The address of the network device `index`, always the same for the same name."""
        return mac_address(self.name, index)


def mac_address(name: str, index: int) -> str:
    """The address of the network device `index` of the machine `name`."""
    digest = hashlib.sha256(f"{name}/{index}".encode()).hexdigest()
    return f"{_MAC_PREFIX}:{digest[:2]}:{digest[2:4]}:{digest[4:6]}"
