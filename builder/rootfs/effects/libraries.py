"""The loader's cache of libraries."""

from typing import ClassVar

from builder.formats.ldsocache import make_loader_cache
from builder.rootfs.effects.base import Effect, Image, Phase


class Ldconfig(Effect):
    """What ldconfig(8) does: the cache, and links to libraries by their names in it."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        cache = make_loader_cache(image.tree, image.arch)
        for path, target in cache.links.items():
            image.tree.link(path, target)
        for path in cache.stale:
            image.tree.remove(path)
        image.tree.write("etc/ld.so.cache", cache.data)
