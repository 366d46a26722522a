"""All programs that builds start, out of the trees that the lock pins."""

from dataclasses import replace

import pytest

from builder.core.arch import Arch, host_arch
from builder.io.spawn import CommandError
from tests.integration.tools.bench import Workbench
from tests.integration.tools.conftest import Tools

PROGRAMS = [
    ("filesystem", "mke2fs", ("-V",)),
    ("filesystem", "e2fsck", ("-V",)),
    ("filesystem", "debugfs", ("-V",)),
    ("filesystem", "mksquashfs", ("-version",)),
    ("filesystem", "mkfs.vfat", ("--help",)),
    ("filesystem", "mcopy", ("--version",)),
    ("filesystem", "sfdisk", ("--version",)),
    ("filesystem", "xz", ("--version",)),
    ("filesystem", "zstd", ("--version",)),
    ("rootfs", "depmod", ("--version",)),
    ("rootfs", "journalctl", ("--version",)),
    ("rootfs", "systemd-hwdb", ("--version",)),
    ("boot", "dtc", ("--version",)),
    ("boot", "grub-mkimage", ("--version",)),
    ("boot", "mkimage", ("-V",)),
    ("qemu", "qemu-img", ("--version",)),
    ("qemu", "qemu-system-aarch64", ("--version",)),
    ("qemu", "qemu-system-arm", ("--version",)),
    ("qemu", "qemu-system-x86_64", ("--version",)),
    ("oracle", "qemu-aarch64", ("--version",)),
    ("oracle", "qemu-arm", ("--version",)),
]


@pytest.mark.parametrize(("tree", "name", "arguments"), PROGRAMS, ids=[name for _, name, _ in PROGRAMS])
def test_programs_start_with_no_library_of_this_machine(
    tree: str, name: str, arguments: tuple[str, ...], tools: Tools, bench: Workbench
) -> None:
    loaded = bench.libraries(tools(tree), name, *arguments)
    root = tools(tree).root
    assert {path for path in loaded if not path.is_relative_to(root)} == set()
    # Static ones load nothing.
    assert loaded or name.startswith("qemu-a")


def test_a_failure_names_the_program_and_not_its_loader(tools: Tools, bench: Workbench) -> None:
    with pytest.raises(CommandError, match=r"^sfdisk failed with exit status 1"):
        bench.run(tools("filesystem"), "sfdisk", "--no-such-option")


@pytest.mark.slow
@pytest.mark.skipif(host_arch() is Arch.ARM64, reason="it is what all other tests do")
@pytest.mark.parametrize(("tree", "name"), [("filesystem", "mke2fs"), ("rootfs", "systemd-hwdb"), ("boot", "mkimage")])
def test_trees_for_arm64_machines(tree: str, name: str, foreign_tools: Tools, tools: Tools, bench: Workbench) -> None:
    """Their programs start through their own loader as well, here under emulation."""
    foreign = foreign_tools(tree)
    command = foreign.command(name, "-V" if tree != "rootfs" else "--version")
    emulator = tools("oracle").command("qemu-aarch64", *command.argv)
    bench.runner.run(replace(emulator, env=command.env))
