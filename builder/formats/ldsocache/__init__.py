"""The loader's cache `/etc/ld.so.cache` of a root file system as glibc's ldconfig(8) there would write it."""

from builder.formats.ldsocache.search import Files, LoaderCache, make_loader_cache

__all__ = ["Files", "LoaderCache", "make_loader_cache"]
