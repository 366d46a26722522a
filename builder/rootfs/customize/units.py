"""Units of systemd enabled, disabled and masked by links, as `systemctl --root` makes them."""

import posixpath
from collections.abc import Iterator, Mapping

from builder.core.errors import BuilderError
from builder.core.nearest import did_you_mean
from builder.rootfs.customize.model import UnitState
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Tree
from builder.rootfs.units import find_unit, install_links, read_install

_ETC = "etc/systemd/system"
_PLACES = (_ETC, "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_NOTHING = "/dev/null"
_MOST = 5000


def set_units(image: Image, units: Mapping[str, UnitState]) -> list[str]:
    """Bring the units into their states; what cannot be done is given back."""
    problems = []
    for unit, state in sorted(units.items()):
        try:
            _set(image.tree, unit, state)
        except BuilderError as error:
            problems.append(f"rootfs.units.{unit}: {error.brief}")
    return problems


def _set(tree: Tree, unit: str, state: UnitState) -> None:
    path = _find(tree, unit)
    match state:
        case UnitState.ENABLED:
            _enable(tree, unit, path)
        case UnitState.DISABLED:
            _disable(tree, unit)
        case UnitState.MASKED:
            _mask(tree, unit)


def _find(tree: Tree, unit: str) -> str:
    try:
        return find_unit(tree, unit)
    except BuilderError as error:
        raise BuilderError(f"{error.brief}{did_you_mean(unit, _known(tree), most=_MOST)}") from None


def _known(tree: Tree) -> Iterator[str]:
    for place in _PLACES:
        if tree.is_directory(place):
            yield from (name for name in tree.children(place) if not name.endswith((".wants", ".requires", ".d")))


def _enable(tree: Tree, unit: str, path: str) -> None:
    node = tree.get(path)
    if node is not None and node.kind is Kind.SYMLINK:
        if node.target == _NOTHING:
            raise BuilderError("it is masked")
        raise BuilderError(f"this is another name of {posixpath.basename(node.target)}: enable that")
    links = install_links(tree, unit)
    if not links:
        if unit.partition(".")[0].endswith("@"):
            raise BuilderError("a template is enabled by the name of an instance, such as NAME@INSTANCE.service")
        raise BuilderError(
            "it has no [Install] section that could enable it"
            if not read_install(tree, unit)
            else "its [Install] section makes no link"
        )
    for link, target in links:
        there = tree.get(link)
        if there is not None and there.kind is not Kind.SYMLINK:
            raise BuilderError(f"/{link} is a {there.kind}, not a link")
        if there is None or there.target != target:
            tree.link(link, target)


def _disable(tree: Tree, unit: str) -> None:
    """Remove every link that leads to the unit, by its name or its target, and to those that its Also= names."""
    waiting, done = [unit], set()
    while waiting:
        name = waiting.pop()
        done.add(name)
        for link in list(_links_to(tree, name)):
            tree.remove(link)
        waiting += [one for one in read_install(tree, name).get("also", []) if one not in done]
    for directory in [path for path in tree.below(_ETC) if path.endswith((".wants", ".requires", ".upholds"))]:
        if not tree.children(directory):
            tree.remove(directory)


def _links_to(tree: Tree, unit: str) -> Iterator[str]:
    template, at, _ = unit.partition("@")
    suffix = unit.rpartition(".")[2]
    whole_template = bool(at) and unit == f"{template}@.{suffix}"
    for path in tree.below(_ETC):
        node = tree.nodes[path]
        if node.kind is not Kind.SYMLINK or node.target == _NOTHING:
            continue
        names = {posixpath.basename(path), posixpath.basename(node.target)}
        instances = {one for one in names if whole_template and one.startswith(f"{template}@")}
        if unit in names or instances:
            yield path


def _mask(tree: Tree, unit: str) -> None:
    path = f"{_ETC}/{unit}"
    there = tree.get(path)
    if there is not None and there.kind is not Kind.SYMLINK:
        raise BuilderError(f"/{path} is a {there.kind}, which the link that masks it would replace")
    tree.link(path, _NOTHING)
