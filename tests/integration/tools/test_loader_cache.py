"""The loader's cache against the one that the ldconfig of each architecture writes, under emulation."""

from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.formats.ldsocache import make_loader_cache
from builder.rootfs.tree import Tree
from tests.integration.tools.bench import Workbench
from tests.integration.tools.conftest import Device, Tools
from tests.integration.tools.material import links, own_command, read_tree, write_tree
from tests.unit.formats.loader_tree import loader_tree

LDCONFIG = "usr/sbin/ldconfig"
CACHE = "etc/ld.so.cache"


def libraries_of(device: Path, place: Path) -> Tree:
    """The part of a device that ldconfig reads, as a tree and at `place`."""
    whole = read_tree(device)
    wanted = ("etc/ld.so.conf", "usr/lib/", "lib", "sbin", "bin", LDCONFIG)
    tree = Tree()
    for name, node in whole.nodes.items():
        if name.startswith(wanted):
            tree.add(name, node)
    write_tree(tree, place)
    return tree


@pytest.mark.parametrize("arch", Arch)
def test_the_cache_of_all_packages(arch: Arch, tools: Tools, device: Device, bench: Workbench) -> None:
    tree = libraries_of(device(arch), bench.place)
    made = make_loader_cache(tree, arch)
    bench.runner.run(own_command(tools, arch, device(arch), "ldconfig", ("-r", bench.place)))
    assert made.data == (bench.place / CACHE).read_bytes()
    assert (made.links, made.stale) == ({}, ())
    assert made.data.count(b".so") > 100


@pytest.mark.parametrize("arch", Arch)
def test_all_that_ldconfig_treats_in_its_own_way(arch: Arch, tools: Tools, device: Device, bench: Workbench) -> None:
    tree = loader_tree(arch)
    tree.write(LDCONFIG, (device(arch) / LDCONFIG).read_bytes(), mode=0o755)
    write_tree(tree, bench.place)
    before = links(bench.place)
    made = make_loader_cache(tree, arch)
    bench.runner.run(own_command(tools, arch, device(arch), "ldconfig", ("-r", bench.place)))
    after = links(bench.place)
    assert made.data == (bench.place / CACHE).read_bytes()
    assert made.links == {path: target for path, target in after.items() if before.get(path) != target}
    assert set(made.stale) == before.keys() - after.keys()
