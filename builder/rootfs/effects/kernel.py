"""Effects on kernels and their modules."""

from typing import ClassVar

from builder.rootfs.effects.base import Image
from builder.rootfs.effects.systemd import Native


class Depmod(Native):
    """The indexes of a kernel's modules (depmod(8)), and the links of the root to the newest kernel (linux-update-symlinks(1))."""

    native: ClassVar[str] = "depmod"

    version: str

    def apply(self, image: Image, package: str) -> None:
        """See `Effect`."""
        super().apply(image, package)
        for name, file in (("vmlinuz", "vmlinuz"), ("initrd.img", "initrd.img")):
            for link in (name, f"{name}.old"):
                image.tree.link(link, f"boot/{file}-{self.version}")
