"""Programs of other architectures are found wherever they lie in a root file system."""

from dataclasses import replace

import pytest

from builder.audit.rootfs.programs import audit_programs
from builder.core.arch import Arch
from builder.rootfs.tree import Tree
from tests.unit.audit.writer import Elf


def found(path: str, data: bytes, arch: Arch) -> list[tuple[str, str]]:
    made = Tree()
    made.write(path, data)
    made.write("usr/bin/script", "#!/bin/sh\n")
    made.write("usr/bin/empty", "")
    return [(one.path, one.what) for one in audit_programs(made, arch)]


@pytest.mark.parametrize("arch", Arch)
def test_those_of_the_architecture_are_fine(arch: Arch) -> None:
    assert found("usr/bin/app", Elf.good(arch).build(), arch) == []


@pytest.mark.parametrize(("arch", "other"), [(arch, other) for arch in Arch for other in Arch if arch is not other])
def test_those_of_others_are_told(arch: Arch, other: Arch) -> None:
    problems = found("opt/app/lib/plugin.so", Elf.good(other).build(), arch)
    assert {path for path, _ in problems} == {"/opt/app/lib/plugin.so"}
    assert problems[0][1].startswith(f"made for {other}, not for {arch}")


@pytest.mark.parametrize(
    ("elf", "told"),
    [
        (replace(Elf.good(Arch.ARMV7), flags=0x04000000), "not of ARM's EABI version 5"),
        (replace(Elf.good(Arch.ARMV7), little=False), "big-endian"),
        (replace(Elf.good(Arch.ARMV7), wide=True), "ELF class 64 bits, not 32"),
    ],
)
def test_almost_right_is_told(elf: Elf, told: str) -> None:
    assert told in " ".join(what for _, what in found("usr/bin/app", elf.build(), Arch.ARMV7))


def test_a_file_that_is_cut_is_told() -> None:
    ((path, what),) = found("usr/bin/app", Elf.good(Arch.ARM64).build()[:30], Arch.ARM64)
    assert (path, "cut" in what) == ("/usr/bin/app", True)


def test_firmware_is_for_other_processors() -> None:
    assert found("usr/lib/firmware/wifi.elf", Elf.good(Arch.AMD64).build(), Arch.ARMV7) == []
