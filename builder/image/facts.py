"""What GRUB, UEFI and U-Boot call an architecture."""

from dataclasses import dataclass
from enum import StrEnum

from builder.core.arch import Arch


class Firmware(StrEnum):
    """What starts GRUB."""

    UEFI = "uefi"
    BIOS = "bios"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrubFacts:
    """GRUB for one architecture and firmware: Debian's package of its modules, their directory, and the target's name.

    `removable` is what UEFI starts of a disk that it knows nothing about (UEFI 2.10, section 3.5.1.1), empty for a BIOS.
    """

    package: str
    target: str
    removable: str = ""


GRUB_FACTS: dict[tuple[Arch, Firmware], GrubFacts] = {
    (Arch.ARMV7, Firmware.UEFI): GrubFacts(package="grub-efi-arm-bin", target="arm-efi", removable="BOOTARM.EFI"),
    (Arch.ARM64, Firmware.UEFI): GrubFacts(package="grub-efi-arm64-bin", target="arm64-efi", removable="BOOTAA64.EFI"),
    (Arch.AMD64, Firmware.UEFI): GrubFacts(package="grub-efi-amd64-bin", target="x86_64-efi", removable="BOOTX64.EFI"),
    (Arch.AMD64, Firmware.BIOS): GrubFacts(package="grub-pc-bin", target="i386-pc"),
}
# A shell and the few programs that an initrd needs, in one executable without libraries.
BUSYBOX_PACKAGE = "busybox-static"
