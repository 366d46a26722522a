"""Effects of kernels."""

from typing import ClassVar

from builder.rootfs.effects.base import Effect, Image, Phase


class Depmod(Effect):
    """The indexes of the modules of kernel `version` (depmod(8))."""

    phase: ClassVar[Phase] = Phase.DATABASES

    version: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for path, data in image.modules.items():
            if path.startswith(f"usr/lib/modules/{self.version}/"):
                image.tree.write(path, data)


class KernelLinks(Effect):
    """The links of the root to the newest kernel and to the one before it, which is the same (linux-update-symlinks(1))."""

    version: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for name in ("vmlinuz", "initrd.img"):
            for link in (name, f"{name}.old"):
                image.tree.link(link, f"boot/{name}-{self.version}")
