"""`loader_caches/ARCH` was written by the ldconfig of Debian 12 (armv7) and 13, run on the same tree."""

from pathlib import Path

import pytest

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.formats.ldsocache import make_loader_cache
from builder.formats.ldsocache.layout import compare_names
from builder.rootfs.tree import Tree
from tests.unit.formats.loader_tree import loader_tree
from tests.unit.formats.shared_objects import SharedObject

GOLDEN = Path(__file__).parent / "loader_caches"


@pytest.mark.parametrize("arch", Arch)
def test_the_cache_is_the_one_that_ldconfig_writes(arch: Arch) -> None:
    assert make_loader_cache(loader_tree(arch), arch).data == (GOLDEN / arch).read_bytes()


@pytest.mark.parametrize("arch", Arch)
def test_links_that_ldconfig_makes_and_removes_are_told(arch: Arch) -> None:
    cache = make_loader_cache(loader_tree(arch), arch)
    main = f"usr/lib/{ARCH_FACTS[arch].triplet}"
    assert cache.links == {"opt/x/libacl.so.1": "libacl.so.1.9.9", f"{main}/libz.so.1": "libzother.so.1"}
    assert cache.stale == (f"{main}/libdangling.so.1", f"{main}/libloop.so.1")


def test_the_order_of_files_does_not_matter() -> None:
    tree = loader_tree(Arch.ARM64)
    turned = Tree(nodes=dict(reversed(tree.nodes.items())))
    assert make_loader_cache(turned, Arch.ARM64) == make_loader_cache(tree, Arch.ARM64)


@pytest.mark.parametrize(
    ("older", "newer"),
    [("libx.so.9", "libx.so.10"), ("libx.so", "libx.so.1"), ("libx.so.1", "libx1.so"), ("liba.so", "libb.so")],
)
def test_names_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert compare_names(older, newer) < 0 < compare_names(newer, older)
    assert compare_names(older, older) == 0


def test_libraries_for_features_of_processors_are_refused_where_they_would_be_searched() -> None:
    for arch, refused in ((Arch.ARMV7, True), (Arch.ARM64, False)):
        tree = loader_tree(arch)
        tree.write(f"usr/lib/{ARCH_FACTS[arch].triplet}/neon/libx.so.1", SharedObject(arch=arch).data())
        if refused:
            with pytest.raises(BuilderError, match="neon, for processors"):
                make_loader_cache(tree, arch)
        else:
            make_loader_cache(tree, arch)


def test_a_tree_without_ldconfig_is_refused() -> None:
    tree = loader_tree(Arch.AMD64)
    tree.write("usr/sbin/ldconfig", b"#!/bin/sh\n")
    with pytest.raises(BuilderError, match="does not tell its version"):
        make_loader_cache(tree, Arch.AMD64)
    tree.remove("usr/sbin/ldconfig")
    with pytest.raises(BuilderError, match="has no ldconfig"):
        make_loader_cache(tree, Arch.AMD64)
