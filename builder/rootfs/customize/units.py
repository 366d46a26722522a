"""Units of systemd enabled, disabled and masked by links, as `systemctl --root` makes them."""

import posixpath
import re
from collections.abc import Iterator, Mapping

from builder.core.errors import BuilderError
from builder.core.nearest import did_you_mean
from builder.rootfs.customize.model import UnitState
from builder.rootfs.effects.base import Image
from builder.rootfs.tree import Kind, Tree
from builder.rootfs.units import install_links, read_install

_ETC = "etc/systemd/system"
_PLACES = (_ETC, "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_NOTHING = "/dev/null"
_DIRECTORIES = (".d", ".wants", ".requires", ".upholds")
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
            _disable(tree, unit, path)
        case UnitState.MASKED:
            _mask(tree, unit)


def _find(tree: Tree, unit: str) -> str:
    """The path of the unit's file, or of the link that stands for it."""
    for place in _PLACES:
        for name in dict.fromkeys((unit, re.sub(r"@[^.]*(\.[a-z]+)$", r"@\1", unit))):
            if tree.get(f"{place}/{name}") is not None:
                return f"{place}/{name}"
    raise BuilderError(f"the root file system has no unit {unit}{did_you_mean(unit, _known(tree), most=_MOST)}")


def _known(tree: Tree) -> Iterator[str]:
    for place in _PLACES:
        if tree.is_directory(place):
            yield from (name for name in tree.children(place) if not name.endswith(_DIRECTORIES))


def _enable(tree: Tree, unit: str, path: str) -> None:
    _refuse_other_names(tree, path, "enable")
    links = install_links(tree, _real_name(tree, unit, path))
    if not links:
        if "@." in unit:
            raise BuilderError("a template is enabled by the name of an instance, such as NAME@INSTANCE.service")
        raise BuilderError("its [Install] section, if any, says nothing that enables it: what needs it starts it")
    for link, target in links:
        there = tree.get(link)
        if there is not None and there.kind is not Kind.SYMLINK:
            raise BuilderError(f"/{link} is a {there.kind}, not a link")
        if there is None or tree.resolve(link, follow=True) != tree.resolve(target, follow=True):
            tree.link(link, target)


def _real_name(tree: Tree, unit: str, path: str) -> str:
    """The name of the unit that a package's link at `path` gives another name to; `unit` itself where there is none."""
    node = tree.get(path)
    return posixpath.basename(node.target) if node is not None and node.kind is Kind.SYMLINK else unit


def _refuse_other_names(tree: Tree, path: str, verb: str) -> None:
    """Raise for a unit that is masked, and for names that enabling another one has made."""
    node = tree.get(path)
    if node is not None and node.kind is Kind.SYMLINK:
        if node.target == _NOTHING:
            raise BuilderError("it is masked")
        if not path.startswith(_ETC):
            return
        raise BuilderError(f"this is another name of {posixpath.basename(node.target)}: {verb} that")


def _disable(tree: Tree, unit: str, path: str) -> None:
    """Remove every link that leads to the unit, by its name or its target, and to those that its Also= names."""
    node = tree.get(path)
    if node is not None and node.target == _NOTHING:
        return
    unit = _real_name(tree, unit, path)
    waiting, names = [unit], {unit}
    while waiting:
        also = {one for one in read_install(tree, waiting.pop()).get("also", []) if one not in names}
        names |= also
        waiting += sorted(also)
    links = [link for name in sorted(names) for link in _links_to(tree, name)]
    for link in links:
        tree.remove(link)
    for directory in {posixpath.dirname(link) for link in links} - {_ETC}:
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
    if there is not None and there.kind is Kind.SYMLINK and there.target != _NOTHING:
        _refuse_other_names(tree, path, "mask")
    if there is not None and there.kind is not Kind.SYMLINK:
        raise BuilderError(f"/{path} is a {there.kind}, which the link that masks it would replace")
    tree.link(path, _NOTHING)
