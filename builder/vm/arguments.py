"""The command line of QEMU for a machine. Pure: paths are those of the machine's directory, in which QEMU runs."""

import json
from collections.abc import Iterator
from pathlib import Path

from builder.vm.model import Adapter, Bus, Screen
from builder.vm.setup import Accelerator, Disk, Network, Setup, UserNetwork

# Names in the machine's directory.
MONITOR, CONSOLE, VARIABLES, KERNEL, DEVICETREE = "monitor", "console", "variables.qcow2", "kernel", "devicetree"
AGENT = "agent"
_DISK = "disk"
# An instruction takes 2 to the power of this nanoseconds.
_INSTRUCTION_SHIFT = 1


def arguments(setup: Setup, tools: Path) -> tuple[str, ...]:
    """The words after the program's name; `tools` is the root of the tree that firmware comes from.

    The machine waits, before its first instruction, for the monitor's `cont`.
    """
    return (
        *("-name", setup.name, "-nodefaults", "-no-user-config", "-display", "none", "-S"),
        *("-qmp", f"unix:{MONITOR},server=on,wait=off"),
        *_processor(setup),
        *_firmware(setup, tools),
        *_disk(setup),
        *(word for index, disk in enumerate(setup.media) for word in _medium(disk, f"medium{index}")),
        *(word for index in range(len(setup.networks)) for word in _network(setup, index)),
        *(word for device in setup.type.devices for word in ("-device", device)),
        *_screen(setup),
        *_agent(setup),
        *_console(setup),
    )


def network_name(index: int) -> str:
    """What QEMU calls the network `index`; also the name of its socket."""
    return f"net{index}"


def hub_name(index: int) -> str:
    """The name of the socket that a shared network's hub answers at."""
    return f"{network_name(index)}.hub"


def gate_name(index: int) -> str:
    """The name of the socket through which a relayed network `index` reaches the outside."""
    return f"gate{index}"


def gate_hub_name(index: int) -> str:
    """The name of the socket that answers at the outer side of a relayed network."""
    return f"{gate_name(index)}.hub"


def _processor(setup: Setup) -> Iterator[str]:
    machine = setup.type
    yield from ("-machine", machine.machine, "-accel", setup.accelerator)
    if setup.own_time:
        yield from ("-icount", f"shift={_INSTRUCTION_SHIFT}")
    if setup.accelerator is Accelerator.KVM:
        yield from ("-cpu", "host")
    elif machine.cpu:
        yield from ("-cpu", machine.cpu)
    # Linux misses its timers where cores take turns at a clock that counts instructions.
    cores = 1 if setup.own_time else setup.cores or machine.cores
    yield from ("-smp", str(cores), "-m", f"{setup.memory_mib}M")
    if setup.clock:
        yield from ("-rtc", f"base={setup.clock}")


def _firmware(setup: Setup, tools: Path) -> Iterator[str]:
    if setup.type.uefi:
        code = _escaped(str(tools / setup.type.uefi.code))
        yield from ("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}")
        yield from ("-drive", f"if=pflash,unit=1,format=qcow2,file={VARIABLES}")
    if setup.type.card:
        yield from ("-kernel", KERNEL, "-dtb", DEVICETREE)


def _disk(setup: Setup) -> Iterator[str]:
    nodes = _nodes(setup.disk)
    if setup.type.disk is Bus.SD:
        # The board's own controller takes what is plugged in by this option alone.
        yield from ("-drive", f"if=sd,file={_escaped('json:' + _json(nodes))}")
    else:
        yield from ("-blockdev", _json({**nodes, "node-name": _DISK}))
        yield from ("-device", f"virtio-blk-pci,drive={_DISK},bootindex=1")


def _medium(disk: Disk, name: str) -> Iterator[str]:
    yield from ("-blockdev", _json({**_nodes(disk), "node-name": name}))
    yield from ("-device", f"virtio-blk-pci,drive={name}")


def _nodes(disk: Disk) -> dict[str, object]:
    """The disk as QEMU's tree of block drivers."""
    file: dict[str, object] = {"driver": "file", "filename": str(disk.path), "discard": "unmap"}
    if disk.disposable:
        file["cache"] = {"no-flush": True}
    nodes: dict[str, object] = {"driver": disk.format, "file": file, "discard": "unmap"}
    if disk.write_log is None:
        return nodes
    log = {"driver": "file", "filename": str(disk.write_log)}
    return {"driver": "blklogwrites", "file": nodes, "log": log, "log-sector-size": 512, "discard": "unmap"}


def _network(setup: Setup, index: int) -> Iterator[str]:
    name = network_name(index)
    network = setup.networks[index]
    yield from ("-netdev", _backend(network, index))
    if isinstance(network, UserNetwork) and network.relayed:
        yield from _gate(network, index)
    if setup.type.network is Adapter.BOARD:
        yield from ("-net", f"nic,netdev={name},macaddr={setup.mac(index)}")
    else:
        # No ROM: firmware would try to start from the network when the disk does not start.
        yield from ("-device", f"virtio-net-pci,netdev={name},mac={setup.mac(index)},romfile=")


def _backend(network: Network, index: int) -> str:
    name = network_name(index)
    if isinstance(network, UserNetwork) and not network.relayed:
        return f"user,id={name}{_forwards(network)}"
    return _datagrams(name, name, hub_name(index))


def _gate(network: UserNetwork, index: int) -> Iterator[str]:
    """What answers at the outer side of a relayed network: QEMU's own network stack, which a hub attaches to a socket."""
    gate = gate_name(index)
    yield from ("-netdev", f"user,id={gate}.user{_forwards(network)}")
    yield from ("-netdev", _datagrams(f"{gate}.wire", gate, gate_hub_name(index)))
    for side in ("user", "wire"):
        yield from ("-netdev", f"hubport,id={gate}.{side}.port,hubid={index},netdev={gate}.{side}")


def _datagrams(name: str, local: str, remote: str) -> str:
    sides = f"local.type=unix,local.path={local},remote.type=unix,remote.path={remote}"
    return f"dgram,id={name},{sides}"


def _forwards(network: UserNetwork) -> str:
    return "".join(f",hostfwd=tcp:127.0.0.1:{one.host_port}-:{one.guest_port}" for one in network.forwards)


def _agent(setup: Setup) -> Iterator[str]:
    if setup.agent:
        yield from ("-device", f"virtio-serial-pci,id={AGENT}")
        yield from ("-chardev", f"socket,id={AGENT},path={AGENT},server=on,wait=off")


def _screen(setup: Setup) -> Iterator[str]:
    if setup.screen and setup.type.screen is not Screen.NONE:
        yield from ("-device", setup.type.screen)


def _console(setup: Setup) -> Iterator[str]:
    yield from ("-chardev", f"socket,id={CONSOLE},path={CONSOLE},server=on,wait=off")
    for _ in range(setup.type.console):
        yield from ("-serial", "null")
    yield from ("-serial", f"chardev:{CONSOLE}")


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _escaped(text: str) -> str:
    """`text` as the value of one of QEMU's options, where a comma ends it."""
    return text.replace(",", ",,")
