"""A controller on this machine, and devices in QEMU that join it by a disk with a token and images."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.vm.machine import Machine
from tests.integration.components.invoke import invoke
from tests.integration.components.ports import LOOPBACK, free_ports
from tests.integration.components.process import running, wait_for
from tests.integration.controller.controller import Controller, place, running_controller
from tests.qemu.lab import BOOT_S, Device, Lab, told

# This machine as guests see it (QEMU's documentation of `-netdev user`); connections arrive at its loopback address.
HOST = "10.0.2.2"
WORKLOADS = Path(__file__).with_name("workloads")
# Emulated, with everything else that this machine does.
READY_S = 3600.0
# Each look starts kubectl, which takes half a second of what the guest needs.
_LOOK_S = 5.0
_ALL_TOLD = r"(?s)KEDGE-TEST unit=.*KEDGE-TEST node=yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a device joins as. `profile` is a worker profile, `memory_mib` the machine's memory."""

    name: str
    board: str
    machine: str
    memory_mib: int
    profile: str = "tiny"


@contextmanager
def reachable_controller(lab: Lab, kedge: Path) -> Iterator[Controller]:
    """A ready controller that guests reach, and that takes pods."""
    directory = lab.place / "controller"
    directory.mkdir()
    with running_controller(place(kedge, directory, api={"externalAddress": HOST})) as controller:
        wait(controller, lambda: bool(get(controller, "serviceaccount", "default")), what="with an account for pods")
        yield controller


def made(lab: Lab, worker: Worker) -> Device:
    """A device for `worker`; whatever has to be built is built now, and not while a controller takes half of this machine."""
    lab.bundles(worker.board)
    return lab.device(worker.name, worker.board, worker.machine)


def join_disk(lab: Lab, device: Device, controller: Controller, worker: Worker) -> Path:
    """A disk with which `device` becomes `worker` as soon as it is there."""
    token = device.directory / "token"
    token.write_text(token_of(controller))
    arguments = f"worker --token-file=/run/join/token --node-name={worker.name} --profile={worker.profile}"
    return node_disk(lab, device, arguments, token, *lab.bundles(worker.board))


def node_disk(lab: Lab, device: Device, arguments: str, *files: Path) -> Path:
    """A disk with which `device` becomes the node that `arguments` of kedge say (overlay/usr/lib/test/start-node)."""
    content = device.directory / "join"
    content.mkdir()
    (content / "arguments").write_text(arguments)
    for file in files:
        shutil.copy(file, content)
    disk = lab.data_disk(content, device.directory / "join.img", label="join")
    shutil.rmtree(content)
    return disk


def token_of(controller: Controller) -> str:
    """A new token for a worker."""
    where = controller.place
    arguments = (f"--data-dir={where.data}", f"--run-dir={where.run}")
    made = invoke(where.kedge, "token", "create", *arguments, directory=where.directory)
    assert made.code == 0, made.stderr
    return made.stdout


@contextmanager
def started_worker(lab: Lab, device: Device, controller: Controller, worker: Worker) -> Iterator[Machine]:
    """`device` turned on with the disk that lets it join as `worker`; it may not have joined yet."""
    device = replace(device, media=[join_disk(lab, device, controller, worker)])
    # Its clock is the controller's: certificates are good from now on.
    with lab.start(device, memory_mib=worker.memory_mib, own_time=False) as machine, _told_why(machine):
        yield machine


@contextmanager
def _told_why(machine: Machine) -> Iterator[None]:
    """Where a test fails, what kedge said is in the transcript of the console."""
    try:
        yield
    except AssertionError:
        machine.console.send_line("journalctl --no-pager --unit=test-node.service --lines=200; echo ' that was all'")
        machine.expect("\n that was all", BOOT_S)
        raise


def measured(machine: Machine) -> dict[str, str]:
    """What a worker says of itself (overlay/usr/lib/test/tell-node)."""
    machine.console.send_line("")
    machine.expect(r"# $", BOOT_S)
    machine.console.send_line("/usr/lib/test/tell-node")
    return dict(told(machine.expect(_ALL_TOLD, BOOT_S)[0]))


def get(controller: Controller, *arguments: str) -> dict[str, Any]:
    """Objects as the API has them; none where there are none."""
    found = controller.kubectl("get", *arguments, "--ignore-not-found", "--output=json")
    assert found.code == 0, found.stderr
    objects: dict[str, Any] = json.loads(found.stdout or "{}")
    return objects


def wait(controller: Controller, is_so: Callable[[], bool], *, what: str) -> None:
    """Wait until `is_so`; what the cluster does meanwhile is told when it takes too long."""
    try:
        wait_for(controller.daemon, is_so, what=what, timeout_s=READY_S, poll_s=_LOOK_S)
    except AssertionError as error:
        seen = [controller.kubectl("get", kind, "--all-namespaces").stdout for kind in ("nodes", "pods,jobs", "events")]
        raise AssertionError("\n".join([str(error), *seen])) from error


def is_ready(controller: Controller, *nodes: str) -> bool:
    """Whether all of `nodes` say that they are."""
    states = {
        item["metadata"]["name"]: any(
            one["type"] == "Ready" and one["status"] == "True" for one in item["status"].get("conditions", [])
        )
        for item in get(controller, "nodes").get("items", [])
    }
    return all(states.get(name, False) for name in nodes)


def messages(controller: Controller, reason: str) -> Sequence[str]:
    """What the events of that reason say."""
    events = get(controller, "events", "--all-namespaces", f"--field-selector=reason={reason}")
    return [event["message"] for event in events.get("items", [])]


@contextmanager
def forwarded(controller: Controller, pod: str, port: int) -> Iterator[str]:
    """The address on this machine at which `port` of `pod` answers meanwhile."""
    where, (here,) = controller.place, free_ports(1)
    kubeconfig = where.data / "pki" / "admin.conf"
    argv = [str(where.kedge), "kubectl", f"--kubeconfig={kubeconfig}", "port-forward", pod, f"{here}:{port}"]
    with running(argv, name=f"forward-{pod}", directory=where.directory) as daemon:
        wait_for(daemon, lambda: "Forwarding from" in daemon.log.read_text(), what="forwarding")
        yield f"http://{LOOPBACK}:{here}"
