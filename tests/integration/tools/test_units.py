"""Units enabled by the builder against those that systemctl enables in the same root file system."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.rootfs.customize.model import UnitState
from builder.rootfs.customize.units import set_units
from builder.rootfs.tree import Kind, Node, Tree
from builder.rootfs.units import MASK, install_links
from tests.integration.tools.bench import Workbench
from tests.integration.tools.conftest import Device, Tools
from tests.integration.tools.material import links, read_tree, write_tree
from tests.unit.rootfs.unit_samples import ENABLED, ETC, REFUSED, USR, expected, sample_tree


def made(tools: Tools, bench: Workbench, root: Path, unit: str, *verbs: str) -> Mapping[str, str]:
    """The links that systemctl makes, which are removed again; `BuilderError` where it refuses."""
    before = links(root / ETC)
    kept = bench.place / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(root / ETC, kept, symlinks=True)
    try:
        for verb in verbs:
            bench.run(tools("rootfs"), "systemctl", "--root", root, verb, unit)
        after = links(root / ETC)
    finally:
        shutil.rmtree(root / ETC)
        kept.rename(root / ETC)
    return {f"{ETC}/{path}": target for path, target in after.items() if path not in before}


@pytest.fixture
def samples(bench: Workbench) -> Path:
    root = bench.place / "samples"
    write_tree(sample_tree("trixie"), root)
    return root


@pytest.mark.parametrize("unit", ENABLED)
def test_systemctl_makes_the_same_links_of_the_samples(
    unit: str, tools: Tools, bench: Workbench, samples: Path
) -> None:
    assert made(tools, bench, samples, unit, "enable") == expected(unit)


@pytest.mark.parametrize("unit", ["also.service", "default@.service", "in-itself.service", "namedtemplate@one.service"])
def test_systemctl_disables_the_same_samples(unit: str, tools: Tools, bench: Workbench, samples: Path) -> None:
    tree = sample_tree("trixie")
    for state in (UnitState.ENABLED, UnitState.DISABLED):
        assert set_units(tree, {unit: state}) == []
    assert made(tools, bench, samples, unit, "enable", "disable") == _new_links(tree)


@pytest.mark.parametrize("unit", ["wanted.service", "plain@x.y.service"])
def test_systemctl_masks_the_same_samples(unit: str, tools: Tools, bench: Workbench, samples: Path) -> None:
    tree = sample_tree("trixie")
    assert set_units(tree, {unit: UnitState.MASKED}) == []
    assert made(tools, bench, samples, unit, "mask") == _new_links(tree)


@pytest.mark.parametrize("unit", REFUSED)
def test_systemctl_refuses_the_same_samples(unit: str, tools: Tools, bench: Workbench, samples: Path) -> None:
    with pytest.raises(BuilderError, match="systemctl"):
        made(tools, bench, samples, unit, "enable")


def test_systemctl_enables_every_unit_of_the_packages_in_the_same_way(
    device: Device, tools: Tools, bench: Workbench
) -> None:
    tree = _units(read_tree(device(Arch.AMD64)))
    root = bench.place / "units"
    write_tree(tree, root)
    units = [name for name in tree.children(USR) if tree.nodes[f"{USR}/{name}"].kind is not Kind.DIRECTORY]
    units += ["getty@tty2.service", "serial-getty@ttyS0.service", "systemd-networkd-wait-online@eth0.service"]
    differing, compared = [], 0
    for unit in units:
        if tree.nodes.get(f"{USR}/{unit}", Node(kind=Kind.FILE)).target == MASK:
            continue
        try:
            theirs = made(tools, bench, root, unit, "enable")
        except BuilderError:
            theirs = {}  # a template without an instance
        ours = dict(install_links(tree, unit))
        compared += bool(theirs)
        if ours != theirs:
            differing.append((unit, ours, theirs))
    assert not differing
    assert compared > 20


def _units(tree: Tree) -> Tree:
    """What systemctl reads of a root file system."""
    nodes = {path: node for path, node in tree.nodes.items() if path.startswith((f"{USR}/", "etc/os-release"))}
    made = Tree(nodes=nodes)
    made.make_directory(ETC)
    return made


def _new_links(tree: Tree) -> Mapping[str, str]:
    """The links in `tree` that the samples do not have."""
    before = sample_tree("trixie").nodes
    return {
        path: node.target for path, node in tree.nodes.items() if node.kind is Kind.SYMLINK and before.get(path) != node
    }
