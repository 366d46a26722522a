"""Ports and addresses: the same for the same lab, and none that two machines share."""

from pathlib import Path

from builder.app.lab.survey import read_lab
from builder.lab.model import FIRST_PORT, LAST_PORT
from builder.lab.plan import PORTS_OF_A_LAB, attachments, first_port

LAB = """
networks: {uplink: {kind: nat}, wire: {kind: segment}, other: {kind: segment}}
machines:
  barn: {board: generic-amd64, role: controller, networks: [wire, uplink]}
  field: {board: generic-amd64, role: worker, networks: [uplink, other, wire]}
  plain: {image: x.img, machine: q35-bios, networks: [uplink]}
"""


def test_ports_follow_from_the_name(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(LAB)
    lab = read_lab(file).value
    found = {first_port(lab, f"lab-{number}") for number in range(300)}
    assert all(FIRST_PORT <= port <= LAST_PORT - PORTS_OF_A_LAB for port in found)
    assert {(port - FIRST_PORT) % PORTS_OF_A_LAB for port in found} == {0}
    assert len(found) > 150
    assert first_port(lab, "pair") == first_port(lab, "pair")
    assert first_port(lab.model_copy(update={"ports": 20_000}), "pair") == 20_000


def test_how_machines_are_attached(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(LAB)
    lab = read_lab(file).value
    told = {
        name: [
            (one.name, one.address, [(forward.host_port, forward.guest_port) for forward in one.forwards])
            for one in attachments(lab, name, 20_000)
        ]
        for name in lab.machines
    }
    assert told == {
        "barn": [
            ("wire", "192.168.101.10/24", []),
            ("uplink", "", [(20_000, 20_000), (20_001, 20_001), (20_002, 22)]),
        ],
        "field": [
            ("uplink", "", [(20_003, 22)]),
            ("other", "192.168.102.11/24", []),
            ("wire", "192.168.101.11/24", []),
        ],
        "plain": [("uplink", "", [])],
    }
