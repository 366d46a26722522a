"""GRUB: linked out of the modules of any architecture, and told what to start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.image.facts import GRUB_FACTS, Firmware
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree

CORE, BOOT_SECTOR = "grub.img", "boot.img"
# Below this on the boot partition lie configuration and state.
DIRECTORY = "grub"
# The code of a boot sector, before the disk's identity and the partition table.
BOOT_CODE_BYTES = 440
_COMMON = (
    *("part_msdos", "fat", "squash4", "gzio", "xzio"),
    *("normal", "configfile", "linux", "loadenv", "boot", "echo", "read", "reboot", "regexp", "sleep", "test", "true"),
)
_FURTHER: dict[str, tuple[str, ...]] = {
    "arm-efi": ("fdt",),
    "arm64-efi": ("fdt",),
    "x86_64-efi": (),
    "i386-pc": ("biosdisk", "serial", "terminal"),
}
_PREFIXES = {Firmware.UEFI: f"/{DIRECTORY}", Firmware.BIOS: f"(,msdos1)/{DIRECTORY}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GrubLinker:
    """Links GRUB for `firmware` of `arch` with the `grub-mkimage` of `tools`."""

    arch: Arch
    firmware: Firmware
    tools: ToolsTree
    runner: Runner

    def run(self, modules: Path, output: Path) -> None:
        """Write `grub.img` into `output`, and for a BIOS `boot.img`; `modules` is the directory of the architecture's modules."""
        target = GRUB_FACTS[self.arch, self.firmware].target
        wanted = (*_COMMON, *_FURTHER[target])
        missing = [name for name in wanted if not (modules / f"{name}.mod").exists()]
        if missing:
            raise BuilderError(
                f"GRUB for {target} lacks modules", details=[f"missing: {modules.name}/{name}.mod" for name in missing]
            )
        prefix = _PREFIXES[self.firmware]
        options = ("-d", modules, "-O", target, "-p", prefix, "-o", output / CORE)
        self.runner.run(self.tools.command("grub-mkimage", *options, *wanted))
        if self.firmware is Firmware.BIOS:
            (output / BOOT_SECTOR).write_bytes((modules / BOOT_SECTOR).read_bytes())


def slot_configuration(release: str, words: Sequence[str], *, device_tree: str = "") -> str:
    """What GRUB runs in a slot: it starts the kernel `release` that lies there, with the command line `words`.

    The configuration on the boot partition sets `slot` and `disk_id`.
    """
    arguments = " ".join(("device.slot=$slot", "device.disk=$disk_id", *words))
    lines = [f"linux /boot/vmlinuz-{release} {arguments}", "initrd /boot/initrd.img"]
    if device_tree:
        lines.append(f"devicetree {device_tree}")
    # Each only where the one before did not fail: a kernel without its initrd would find nothing.
    return "".join(f"if {line}; then\n" for line in lines) + "boot\n" + "fi\n" * len(lines)
