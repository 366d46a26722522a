"""Devices that become nodes by what lies on their cards, with nobody near them."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest

from builder.fleet.authorities import API
from builder.fleet.role import Role
from builder.vm.segment import Segment
from tests.qemu.cards import digest_of, first_boot, operator, provisioned
from tests.qemu.lab import BOOT_S, Lab
from tests.qemu.workers import READY_S


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


def addressed(address: str) -> str:
    """The lines of node.yaml by which a device has that address, whatever its kind of machine calls the interface."""
    fixed = f"{{dhcp: false, addresses: [{address}/24]}}"
    return "\n".join(["network:", "  interfaces:", *(f"    enp0s{number}: {fixed}" for number in range(1, 8))])


@pytest.mark.slow
def test_a_worker_joins_the_controller_that_its_card_names(
    lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    """A wire between two devices, with nobody on it who gives addresses, or is a name server."""
    work = operator(lab, "192.0.2.1")
    barn, field = (lab.device(name, "generic-amd64", "q35-uefi") for name in ("barn", "field-1"))
    provisioned(work, barn, "barn", Role.CONTROLLER, addressed("192.0.2.1"))
    provisioned(work, field, "field-1", Role.WORKER, addressed("192.0.2.21"), "site: orchard", "profile: small")
    with ExitStack() as stack:
        segment = stack.enter_context(Segment())
        controller = stack.enter_context(lab.start(barn, memory_mib=1536, own_time=False, segment=segment))
        led = first_boot(controller)
        # Switched on when there is whom to join: two machines at once take this one's time from each other.
        worker = stack.enter_context(lab.start(field, memory_mib=768, own_time=False, segment=segment))
        joined = first_boot(worker)
        record_property("said", json.dumps([led, joined]))
        controller.console.send_line("")
        controller.expect(r"# $", BOOT_S)
        ask = "--output='jsonpath={.metadata.labels.topology\\.kubernetes\\.io/zone}'"
        controller.console.send_line(
            "kedge kubectl wait --timeout=1h --for=condition=Ready node/field-1"
            f" && echo ZONE=$(kedge kubectl get node field-1 {ask})"
        )
        controller.expect("ZONE=orchard", READY_S)
    for said, unit in ((led, "kedge-controller.service"), (joined, "kedge-worker.service")):
        assert (said["units"].split(), said["failed"]) == ([unit, "active"], ""), said
        assert said["status"].split(":")[1].strip() == "joined", said
        assert not {"credential.pem", "controller.tar", "kedge.yaml"} & set(said["files"].split()), said
    assert joined["hostname"] == "field-1"
    for device in (barn, field):
        assert b"PRIVATE KEY" not in lab.partition(device.disk, 1, device.directory / "card").read_bytes()
