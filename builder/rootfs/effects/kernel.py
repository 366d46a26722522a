"""Effects on what the kernel and the loader look things up in."""

from typing import ClassVar

from builder.rootfs.effects.base import Effect, Image, Phase
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


class Ldconfig(Effect):
    """The cache of shared libraries (ldconfig(8)), and links to libraries by their names in it."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        from builder.rootfs.libraries import write_cache  # noqa: PLC0415

        write_cache(image)
