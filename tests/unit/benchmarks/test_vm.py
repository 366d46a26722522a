import io
import json
import os
import re
import tarfile
from pathlib import Path

import pytest

from benchmarks.groups.pods import told
from benchmarks.vm.archive import System
from benchmarks.vm.image import write_image
from benchmarks.vm.machine import GUEST, Tools, argv_of, boot, find_tools
from benchmarks.vm.node import FILES, PAUSE
from builder.core.errors import BuilderError, MissingToolError


def tool(directory: Path, name: str, script: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_emulators_command_line() -> None:
    system = System(kernel=Path("/k"), release="6.1.0-1-armmp", busybox=Path("/b"))
    tools = Tools(emulator="/usr/bin/qemu-system-arm", mke2fs="/sbin/mke2fs")
    assert " ".join(argv_of(tools, system, initrd=Path("/i"), disk=Path("/d"))) == (
        "/usr/bin/qemu-system-arm -M virt,highmem=off -cpu cortex-a15 -smp 2 -m 1024 -accel tcg,thread=multi "
        "-nodefaults -display none -serial stdio -no-reboot "
        "-kernel /k/boot/vmlinuz-6.1.0-1-armmp -initrd /i -append console=ttyAMA0 quiet loglevel=3 panic=-1 "
        "-drive file=/d,if=none,id=disk,format=raw,cache=unsafe -device virtio-blk-device,drive=disk"
    )


def test_without_an_emulator(tmp_path: Path) -> None:
    tool(tmp_path, "mke2fs", "")
    if any((Path(place) / "qemu-system-arm").exists() for place in ("/usr/sbin", "/sbin")):
        pytest.skip("this machine has the emulator among the administrator's programs")
    with pytest.raises(MissingToolError, match=r"^qemu-system-arm not found") as caught:
        find_tools({"PATH": str(tmp_path)})
    assert "apt-get install qemu-system-arm" in caught.value.hint


def test_tools_are_found(tmp_path: Path) -> None:
    expected = [str(tool(tmp_path, name, "")) for name in ("qemu-system-arm", "mke2fs")]
    found = find_tools({"PATH": str(tmp_path)})
    assert [found.emulator, found.mke2fs] == expected


def test_a_machine_that_ends(tmp_path: Path) -> None:
    emulator = tool(tmp_path, "qemu", "echo @end; echo warning >&2")
    assert boot([str(emulator)], tmp_path / "console", timeout_s=60) == "@end\n"


def test_an_emulator_that_fails(tmp_path: Path) -> None:
    emulator = tool(tmp_path, "qemu", "echo no such machine >&2; exit 3")
    with pytest.raises(BuilderError, match="ended with status 3") as caught:
        boot([str(emulator)], tmp_path / "console", timeout_s=60)
    assert caught.value.details == ("no such machine",)


def test_a_machine_that_hangs_is_ended(tmp_path: Path) -> None:
    number = tmp_path / "number"
    emulator = tool(tmp_path, "qemu", f"echo $$ >{number}; echo booting; exec sleep 600")
    with pytest.raises(BuilderError, match="did not come to an end"):
        boot([str(emulator)], tmp_path / "console", timeout_s=2)
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)


def test_the_image(tmp_path: Path) -> None:
    program, target = tmp_path / "pause", tmp_path / "pause.tar"
    program.write_bytes(b"program")
    write_image(target, PAUSE, program, {"os": "linux", "architecture": "arm", "variant": "v7"})
    with tarfile.open(target) as archive:
        files = {member.name: read(archive, member) for member in archive}
    described = json.loads(files["index.json"])["manifests"][0]
    assert described["annotations"] == {"io.containerd.image.name": PAUSE}
    manifest = json.loads(files[blob(described)])
    config = json.loads(files[blob(manifest["config"])])
    assert (config["architecture"], config["variant"], config["config"]) == ("arm", "v7", {"Entrypoint": ["/pause"]})
    with tarfile.open(fileobj=io.BytesIO(files[blob(manifest["layers"][0])])) as layer:
        assert [(member.name, member.mode, read(layer, member)) for member in layer] == [("pause", 0o755, b"program")]


def read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream.read()


def blob(descriptor: dict[str, str]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"


def test_pods_have_names_of_their_own() -> None:
    # Two static pods with one uid are one pod to the kubelet.
    assert FILES["etc/pod.json"].count("NUMBER") == 2
    assert "s/NUMBER/$number/g" in (GUEST / "init.sh").read_text()


def test_the_guest_is_told_all_that_it_asks_for() -> None:
    asked = re.search(r"^((?:[A-Z_]+='' ?)+)$", (GUEST / "init.sh").read_text(), re.MULTILINE)
    assert asked is not None
    assert {word.partition("=")[0] for word in asked[1].split()} == set(told())
