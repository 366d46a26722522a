"""Images from power-on to a running system, twice."""

import pytest

from tests.qemu.lab import GIB, Lab, facts, partitions, turn_off

MACHINES = [
    pytest.param("generic-armv7", "virt-armv7", id="virt-armv7"),
    pytest.param("bananapi-m2-ultra", "bpim2u", id="bpim2u", marks=pytest.mark.slow),
    pytest.param("orangepi-pc-plus", "orangepi-pc", id="orangepi-pc", marks=pytest.mark.slow),
    pytest.param("raspberry-pi-3", "raspi3b", id="raspi3b", marks=pytest.mark.slow),
    pytest.param("generic-arm64", "virt-arm64", id="virt-arm64", marks=pytest.mark.slow),
    pytest.param("generic-amd64", "q35-uefi", id="q35-uefi", marks=pytest.mark.slow),
    pytest.param("generic-amd64", "q35-bios", id="q35-bios", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("board", "machine_name"), MACHINES)
def test_an_image_boots_to_a_running_system_twice(board: str, machine_name: str, lab: Lab) -> None:
    device = lab.device("device", board, machine_name)
    small = partitions(device.disk)[3]
    with lab.start(device) as machine:
        first = facts(machine)
        turn_off(machine)
    assert (first["state"], first["failed"]) == ("running", "")
    grown = partitions(device.disk)[3]
    assert grown.start == small.start
    assert grown.size > 2 * GIB > small.size
    assert int(first["data-bytes"]) > 0.9 * grown.size
    lab.check_data(device)

    with lab.start(device) as machine:
        second = facts(machine)
        turn_off(machine)
    assert (second["state"], second["failed"]) == ("running", "")
    own = ("machine-id", "hostname", "host-key")
    assert [second[name] for name in own] == [first[name] for name in own]
    assert second["seed"] != first["seed"]
    assert partitions(device.disk)[3] == grown
    lab.check_data(device)


@pytest.mark.slow
def test_two_copies_become_two_devices(lab: Lab) -> None:
    devices = [lab.device(name, "generic-armv7", "virt-armv7") for name in ("one", "other")]
    with lab.start(devices[0]) as one, lab.start(devices[1]) as other:
        first, second = facts(one), facts(other)
    for name in ("machine-id", "hostname", "host-key", "seed"):
        assert first[name] != second[name], name
