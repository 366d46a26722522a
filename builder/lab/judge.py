"""What must hold between the keys of a lab, each of which is right by itself."""

from collections.abc import Iterator

from builder.core.nearest import suggestion
from builder.fleet.role import Role
from builder.lab.document import Mistake
from builder.lab.model import Lab, LabMachine, NetworkKind


def judge_lab(lab: Lab) -> Iterator[Mistake]:
    """Everything that is wrong with `lab`."""
    for name, machine in lab.machines.items():
        yield from _machine(lab, name, machine)
    controllers = [name for name, machine in lab.machines.items() if machine.role and machine.role.controls]
    for name in controllers[1:]:
        message = f"a lab's cluster has one controller, since its state is kept on it; {controllers[0]} is one already"
        yield Mistake(path=("machines", name, "role"), message=message)
    workers = [name for name, machine in lab.machines.items() if machine.role is Role.WORKER]
    for name in workers if not controllers else ():
        yield Mistake(path=("machines", name, "role"), message="a worker needs a machine with the role controller")
    if lab.manifests and not controllers:
        yield Mistake(
            path=("manifests",), message="need a machine with the role controller or single, which applies them"
        )
    names = [path.name for path in lab.manifests]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Mistake(
                path=("manifests", index), message=f"another file is called {name}: they lie in one directory"
            )
    if controllers and workers and not meeting_places(lab):
        message = f"none of them is one by which all workers reach it: share a segment, or give all a nat ({', '.join(workers)})"
        yield Mistake(path=("machines", controllers[0], "networks"), message=message)


def meeting_places(lab: Lab) -> list[str]:
    """The networks of the controller by which every worker reaches it: a segment that all share, or a `nat` that all have."""
    controllers = [machine for machine in lab.machines.values() if machine.role and machine.role.controls]
    workers = [machine for machine in lab.machines.values() if machine.role is Role.WORKER]
    return [
        name
        for name in (controllers[0].networks if controllers else ())
        if all(name in one.networks or (_is_nat(lab, name) and _has_nat(lab, one)) for one in workers)
    ]


def _machine(lab: Lab, name: str, machine: LabMachine) -> Iterator[Mistake]:
    path = ("machines", name)
    if (machine.board is None) == (machine.image is None):
        yield Mistake(path=path, message="needs either board or image")
    if machine.image and not machine.machine:
        yield Mistake(path=(*path, "machine"), message="is required with an image of your own")
    if machine.image and machine.role:
        yield Mistake(path=(*path, "role"), message="only images of boards become nodes")
    for index, network in enumerate(machine.networks):
        if network not in lab.networks:
            message = f"unknown network {network!r}{suggestion(network, 'known', list(lab.networks))}"
            yield Mistake(path=(*path, "networks", index), message=message)
    for key in ("site", "profile"):
        if getattr(machine, key) and not machine.role:
            yield Mistake(path=(*path, key), message="is for nodes, which have a role")


def _is_nat(lab: Lab, name: str) -> bool:
    network = lab.networks.get(name)
    return network is not None and network.kind is NetworkKind.NAT


def _has_nat(lab: Lab, machine: LabMachine) -> bool:
    return any(_is_nat(lab, name) for name in machine.networks)
