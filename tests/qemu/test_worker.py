"""Workers on images of every architecture, with the memory of small devices."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest

from builder.core.arch import host_arch
from tests.integration.components.health import get as ask
from tests.integration.controller.controller import Controller
from tests.qemu.lab import BOOT_S, Lab, told
from tests.qemu.workers import (
    READY_S,
    WORKLOADS,
    Worker,
    forwarded,
    get,
    is_ready,
    made,
    measured,
    messages,
    node_disk,
    reachable_controller,
    started_worker,
    wait,
)

ARMV7 = Worker(name="armv7", board="generic-armv7", machine="virt-armv7", memory_mib=512)
ARM64 = Worker(name="arm64", board="generic-arm64", machine="virt-arm64", memory_mib=512)
AMD64 = Worker(name="amd64", board="generic-amd64", machine="q35-uefi", memory_mib=512)
# 128 and SIGKILL.
KILLED = 137
# What becomes of workloads/pods.yaml.
_DONE = {"asks": 1, "reads": 1, "web": 1, "greedy": "Failed"}


@pytest.mark.slow
@pytest.mark.parametrize("worker", [ARMV7, ARM64, AMD64], ids=lambda worker: worker.name)
def test_a_worker_runs_pods(worker: Worker, lab: Lab, record_property: Callable[[str, object], None]) -> None:
    device = made(lab, worker)
    with reachable_controller(lab, lab.executable(host_arch())) as controller:
        controller.applied("apply", f"--filename={WORKLOADS / 'pods.yaml'}")
        with started_worker(lab, device, controller, worker) as machine:
            wait(
                controller, lambda: is_ready(controller, worker.name), what=f"with the node {worker.name} that is ready"
            )
            wait(controller, lambda: _states(controller) == _DONE, what="with all pods done")
            said = measured(machine)
            (ended,) = get(controller, "pod", "greedy")["status"]["containerStatuses"]
            # Not the reason: the runtime tells of the end before it tells why where the machine is slow.
            assert ended["state"]["terminated"]["exitCode"] == KILLED, ended
            pulled = messages(controller, "Pulled")
            assert pulled, "no image was asked for"
            assert all("already present" in message for message in pulled), pulled
    assert said["unit"] == "active"
    # The greedy pod, by its own limit, and nothing else.
    assert (said["limited"], said["killed"]) == ("1", "0"), said
    record_property("said", json.dumps(said))


@pytest.mark.slow
def test_workers_of_one_address_answer_for_themselves(lab: Lab) -> None:
    """Behind NAT both are 10.0.2.15; what is asked of a node, and of a pod on it, must reach that one."""
    workers = [ARMV7, AMD64]
    devices = [made(lab, worker) for worker in workers]
    with reachable_controller(lab, lab.executable(host_arch())) as controller, ExitStack() as stack:
        controller.applied("apply", f"--filename={WORKLOADS / 'names.yaml'}")
        for device, worker in zip(devices, workers, strict=True):
            stack.enter_context(started_worker(lab, device, controller, worker))
        names = [worker.name for worker in workers]
        wait(controller, lambda: is_ready(controller, *names), what="with both nodes ready")
        assert [_address(controller, name) for name in names] == ["10.0.2.15"] * 2

        def all_serve() -> bool:
            return bool(get(controller, "daemonset", "names")["status"].get("numberReady") == len(workers))

        wait(controller, all_serve, what="with a pod that serves on both nodes")
        for pod in get(controller, "pods", "--selector=app=names")["items"]:
            name, node = pod["metadata"]["name"], pod["spec"]["nodeName"]
            assert f"this is {node}" in controller.applied("logs", name, "--container=says")
            environment = controller.applied(
                "exec", name, "--", "/agnhost", "mounttest", "--file_content=/proc/self/environ"
            )
            assert f"NODE={node}\0" in environment
            with forwarded(controller, name, 8080) as url:
                assert ask(f"{url}/hostname").text == name


def _states(controller: Controller) -> dict[str, object]:
    """Of what is in _DONE: how often it succeeded, on how many nodes it is ready, its phase."""
    items = get(controller, "jobs,daemonsets,pods")["items"]
    states = {item["metadata"]["name"]: item["status"] for item in items}
    keys = {"asks": "succeeded", "reads": "succeeded", "web": "numberReady", "greedy": "phase"}
    return {name: states.get(name, {}).get(key) for name, key in keys.items()}


def _address(controller: Controller, node: str) -> str:
    (found,) = (one for one in get(controller, "node", node)["status"]["addresses"] if one["type"] == "InternalIP")
    return str(found["address"])


@pytest.mark.slow
def test_pods_run_where_there_is_no_network(lab: Lab) -> None:
    """Not even a network device: one machine is the cluster, and all images come with the disk."""
    alone = Worker(name="alone", board="generic-armv7", machine="virt-armv7", memory_mib=1024)
    device = replace(made(lab, alone), is_networked=False)
    disk = node_disk(
        lab, device, f"single --profile={alone.profile}", *lab.bundles(alone.board), WORKLOADS / "pods.yaml"
    )
    with lab.start(replace(device, media=[disk]), memory_mib=alone.memory_mib) as machine:
        machine.console.send_line("")
        machine.expect(r"# $", BOOT_S)
        machine.console.send_line("/usr/lib/test/tell-pods")
        said = told(machine.expect(r"(?s)KEDGE-TEST jobs=.*KEDGE-TEST pods=yes", READY_S)[0])
        node = measured(machine)
    assert (said["jobs"], said["daemonset"], said["greedy"], node["unit"]) == ("0", "0", str(KILLED), "active"), said
    pulled = [message for name, message in said.items() if name.startswith("pulled.")]
    assert pulled, "no image was asked for"
    assert all("already present" in message for message in pulled), pulled
