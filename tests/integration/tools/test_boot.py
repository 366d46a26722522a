"""GRUB for devices of any architecture, linked on this machine out of their modules, and the machines that start it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.session import Session
from builder.core.arch import ARCH_FACTS, Arch
from builder.debian.pins import PinnedFile
from builder.plan.debian import pool_step
from builder.toolchain.merge import merge_packages
from tests.integration.tools.bench import Workbench
from tests.integration.tools.conftest import Tools

PINS = Path(__file__).with_name("grub.json")
TARGETS = {Arch.AMD64: "x86_64-efi", Arch.ARM64: "arm64-efi"}
MACHINES = {Arch.AMD64: 0x8664, Arch.ARM64: 0xAA64}
FIRMWARE_S = 120
# A boot sector that jumps to where the processor starts (F000:FFF0).
RESTART = b"\xea\xf0\xff\x00\xf0"
CONFIGURATION = "echo started by GRUB\nhalt\n"


@pytest.fixture(scope="module")
def modules(session: Session, tmp_path_factory: pytest.TempPathFactory) -> dict[Arch, Path]:
    """The directories of GRUB's modules."""
    found = {}
    for values in json.loads(PINS.read_text()):
        pin = PinnedFile.model_validate(values)
        arch = next(arch for arch in Arch if ARCH_FACTS[arch].debian == pin.architecture)
        tree = tmp_path_factory.mktemp(pin.name)
        merge_packages(list(session.obtain(pool_step(pin)).iterdir()), tree, cores=1)
        found[arch] = tree / "usr/lib/grub" / TARGETS[arch]
    return found


def link(bench: Workbench, tools: Tools, modules: dict[Arch, Path], arch: Arch, name: str) -> Path:
    (bench.place / "grub.cfg").write_text(CONFIGURATION)
    arguments = ("-d", modules[arch], "-O", TARGETS[arch], "-c", "grub.cfg", "-p", "/EFI", "-o", name)
    bench.run(tools("boot"), "grub-mkimage", *arguments, "echo", "halt", "normal", "part_gpt", "fat")
    return bench.place / name


@pytest.mark.parametrize("arch", TARGETS)
def test_grub_is_linked_out_of_foreign_modules(
    arch: Arch, tools: Tools, bench: Workbench, modules: dict[Arch, Path]
) -> None:
    one, two = (link(bench, tools, modules, arch, name).read_bytes() for name in ("one.efi", "two.efi"))
    assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest()
    # The machine in the header of a PE file (PE format, COFF file header).
    start = int.from_bytes(one[0x3C:0x40], "little")
    assert one[start : start + 4] == b"PE\0\0"
    assert int.from_bytes(one[start + 4 : start + 6], "little") == MACHINES[arch]


def test_a_machine_finds_its_firmware_and_modules(tools: Tools, bench: Workbench) -> None:
    """The BIOS of PCs and the one of network cards lie in packages of their own, a graphics card in a module of QEMU's."""
    (bench.place / "disk").write_bytes(RESTART.ljust(510, b"\0") + b"\x55\xaa")
    machine = ("-nodefaults", "-display", "none", "-m", "64", "-no-reboot", "-drive", "format=raw,file=disk")
    devices = ("-device", "e1000", "-device", "virtio-gpu-pci", "-chardev", "stdio,id=bios")
    told = bench.said(
        tools("qemu"), "qemu-system-x86_64", *machine, *devices, "-device", "isa-debugcon,iobase=0x402,chardev=bios"
    )
    assert "SeaBIOS" in told
    assert "Booting from Hard Disk" in told


@pytest.mark.parametrize("arch", TARGETS)
def test_a_machine_with_uefi_starts_grub(arch: Arch, tools: Tools, bench: Workbench, modules: dict[Arch, Path]) -> None:
    filesystem, machines = tools("filesystem"), tools("qemu")
    link(bench, tools, modules, arch, "grub.efi")
    bench.empty("disk", 8 << 20)
    bench.run(filesystem, "mkfs.vfat", "--invariant", "disk")
    bench.run(filesystem, "mmd", "-i", "disk", "::/EFI", "::/EFI/BOOT")
    name = {Arch.AMD64: "BOOTX64.EFI", Arch.ARM64: "BOOTAA64.EFI"}[arch]
    bench.run(filesystem, "mcopy", "-i", "disk", "grub.efi", f"::/EFI/BOOT/{name}")
    share = machines.root / "usr/share"
    emulator, options = {
        Arch.AMD64: ("qemu-system-x86_64", ("-M", "q35", "-bios", share / "ovmf/OVMF.fd")),
        Arch.ARM64: (
            "qemu-system-aarch64",
            ("-M", "virt", "-cpu", "cortex-a57", "-bios", share / "qemu-efi-aarch64/QEMU_EFI.fd"),
        ),
    }[arch]
    common = ("-nodefaults", "-display", "none", "-serial", "stdio", "-m", "256", "-no-reboot")
    disk = ("-drive", "if=none,id=disk,format=raw,file=disk", "-device", "virtio-blk-pci,drive=disk")
    command = machines.command(emulator, *options, *common, *disk, cwd=bench.place)
    assert "started by GRUB" in bench.runner.capture(replace(command, timeout_s=FIRMWARE_S))
