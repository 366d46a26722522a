"""Labs that cannot be: everything that is wrong is told at once, before anything of them exists."""

import socket
from pathlib import Path

from tests.integration.lab.commands import Desk, write_pair
from tests.integration.vm.guests import HALT, write_guest


def test_two_labs_of_one_name(running: Desk) -> None:
    second = running.up()
    assert second.returncode == 2
    assert f"error: there is a lab {running.name} already\n" in second.stderr
    assert f"'builder lab down --lab {running.name}' ends it" in second.stderr
    assert all(machine.is_on for machine in running.status().machines)


def test_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    desk = write_pair(
        tmp_path,
        "wrong",
        **{
            "guest.img, machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [wire, uplink]": (
                "none.img, machine: q35-bios, memory: 9 TiB, cores: 60"
            ),
            "machine: q35-bios, memory: 64 MiB, cores: 1, disk: 4 MiB, networks: [wire]": "machine: q36",
        },
    )
    refused = desk.up()
    assert refused.returncode == 2
    lines = refused.stderr.splitlines()
    assert lines[0] == "error: the lab wrong cannot be started"
    assert [line for line in lines if f"{desk.file}:6" in line and "60 are more than the" in line], refused.stderr
    assert [line for line in lines if f"{desk.file}:6" in line and "there is no" in line and "none.img" in line]
    assert [line for line in lines if f"{desk.file}:7" in line and "there is no machine 'q36'" in line]
    assert desk.left() == []


def test_more_memory_than_there_is(tmp_path: Path) -> None:
    refused = write_pair(tmp_path, "large", **{"64 MiB": "3 TiB"}).up()
    assert refused.returncode == 2
    assert "machines: take 6.0 TiB of memory together, and " in refused.stderr
    assert "(one 3.0 TiB, two 3.0 TiB)" in refused.stderr


def test_mistakes_between_keys_are_told_with_their_lines(tmp_path: Path) -> None:
    desk = write_pair(tmp_path, "wrong", **{"networks: [wire]": "networks: [wires], role: worker, site: x"})
    refused = desk.up()
    assert refused.returncode == 2
    assert [line.partition(":7:")[2].partition(": ")[2] for line in refused.stderr.splitlines()[1:]] == [
        "machines.two.networks[0]: unknown network 'wires'; did you mean 'wire'? known: wire, uplink",
        "machines.two.role: a worker needs a machine with the role controller",
        "machines.two.role: only images of boards become nodes",
    ]


def test_manifests_that_nobody_applies(tmp_path: Path) -> None:
    desk = write_pair(tmp_path, "wrong")
    desk.file.write_text(desk.file.read_text() + "manifests: [shop.yaml, more/shop.yaml]\n")
    refused = desk.up()
    assert refused.returncode == 2
    assert [line.split(": ", 1)[1] for line in refused.stderr.splitlines()[1:]] == [
        "manifests: need a machine with the role controller or single, which applies them",
        "manifests[1]: another file is called shop.yaml: they lie in one directory",
    ]


def test_images_that_were_not_built(tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(
        "manifests: [shop.yaml]\n"
        "networks: {uplink: {kind: nat}}\n"
        "machines:\n"
        "  barn: {board: generic-amd64, role: controller, networks: [uplink]}\n"
        "  field: {board: generic-armv7, role: worker, networks: [uplink]}\n"
        "  wood: {board: generic-riscv, role: worker, networks: [uplink]}\n"
    )
    refused = Desk(name="new", file=file).up("--out", str(tmp_path / "out"))
    assert refused.returncode == 2
    assert "unknown board 'generic-riscv'" in refused.stderr
    assert f":1:13: manifests[0]: there is no file {tmp_path}/shop.yaml" in refused.stderr
    assert refused.stderr.count("its image was not built: there is no ") == 2
    assert "hint: builder make --arch amd64\n      builder make --arch armv7\n" in refused.stderr


def test_ports_in_use(tmp_path: Path) -> None:
    image = tmp_path / "out/edge/amd64/image/generic-amd64"
    image.mkdir(parents=True)
    write_guest(image / "x.img", HALT)
    file = tmp_path / "busy.yaml"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        first = min(port, 31_000)
        file.write_text(
            f"ports: {first}\nnetworks: {{uplink: {{kind: nat}}}}\n"
            "machines: {barn: {board: generic-amd64, role: controller, networks: [uplink]}}\n"
        )
        with socket.create_server(("127.0.0.1", first + 1)):
            refused = Desk(name="busy", file=file).up("--out", str(tmp_path / "out"))
    assert refused.returncode == 2
    assert f"{file}:1:1: ports: of 127.0.0.1, from {first} to {first + 63}, these cannot be opened:" in refused.stderr
    assert f"{first + 1} (Address already in use)" in refused.stderr


def test_a_machine_that_does_not_start_says_why(running: Desk) -> None:
    assert running.use("power-cut", "one", "--stay-off").returncode == 0
    (running.place.machine("one") / "disk.qcow2").unlink()
    refused = running.use("power-on", "one")
    assert refused.returncode == 1
    assert "qemu-system-x86_64 failed with exit status 1" in refused.stderr
    assert "Could not open 'disk.qcow2': No such file or directory" in refused.stderr
