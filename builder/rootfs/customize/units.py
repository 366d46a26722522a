"""Units of systemd enabled, disabled and masked by links, as `systemctl --root` makes them."""

import posixpath
from collections.abc import Iterator, Mapping

from builder.core.errors import BuilderError
from builder.core.nearest import did_you_mean
from builder.rootfs.customize.model import UnitState
from builder.rootfs.tree import Kind, Tree
from builder.rootfs.units import MASK, find_unit, install_links, is_masked, parse_unit, read_install, real_unit

_ETC = "etc/systemd/system"
_PLACES = (_ETC, "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_DIRECTORIES = (".d", ".wants", ".requires", ".upholds")
_MOST = 5000


def set_units(tree: Tree, units: Mapping[str, UnitState]) -> list[str]:
    """Bring the units into their states; what cannot be done is given back."""
    problems = []
    for unit, state in sorted(units.items()):
        try:
            _set(tree, unit, state)
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
    try:
        return find_unit(tree, unit)
    except BuilderError as error:
        raise BuilderError(f"{error.brief}{did_you_mean(unit, _known(tree), most=_MOST)}") from None


def _known(tree: Tree) -> Iterator[str]:
    for place in _PLACES:
        if tree.is_directory(place):
            yield from (name for name in tree.children(place) if not name.endswith(_DIRECTORIES))


def _enable(tree: Tree, unit: str, path: str) -> None:
    _refuse_other_names(tree, path, "enable")
    links = install_links(tree, unit)
    if not links:
        if "@." in unit:
            raise BuilderError("a template is enabled by the name of an instance, such as NAME@INSTANCE.service")
        raise BuilderError("its [Install] section, if any, says nothing that enables it: what needs it starts it")
    for link, target in links:
        there = tree.get(link)
        if there is not None and there.kind is not Kind.SYMLINK:
            raise BuilderError(f"/{link} is a {there.kind}, not a link")
        if there is None:
            tree.link(link, target)
        elif tree.resolve(link, follow=True) != tree.resolve(target, follow=True):
            if posixpath.dirname(link) == _ETC:
                raise BuilderError(f"/{link} is to be another name of it, but leads to {there.target}")
            tree.link(link, target)


def _refuse_other_names(tree: Tree, path: str, verb: str) -> None:
    """Raise for a unit that is masked, and for names that enabling another one has made."""
    if is_masked(tree, path):
        raise BuilderError("it is masked")
    node = tree.get(path)
    if node is not None and node.kind is Kind.SYMLINK:
        if not path.startswith(_ETC):
            return
        raise BuilderError(f"this is another name of {posixpath.basename(node.target)}: {verb} that")


def _disable(tree: Tree, unit: str, path: str) -> None:
    """Remove every link that leads to the unit, by its name or its target, and to those that its Also= names."""
    if is_masked(tree, path):
        return
    waiting, names = [real_unit(tree, unit)[0]], set()
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += _also(tree, name)
    links = [link for name in sorted(names) for link in _links_to(tree, name)]
    for link in links:
        tree.remove(link)
    for directory in {posixpath.dirname(link) for link in links} - {_ETC}:
        if not tree.children(directory):
            tree.remove(directory)


def _also(tree: Tree, unit: str) -> list[str]:
    """What is enabled and disabled together with `unit`; a unit that is not there has nothing."""
    try:
        return read_install(tree, unit).get("also", [])
    except BuilderError:
        return []


def _links_to(tree: Tree, unit: str) -> Iterator[str]:
    name = parse_unit(unit)
    for path in tree.below(_ETC):
        node = tree.nodes[path]
        if node.kind is not Kind.SYMLINK or node.target == MASK:
            continue
        names = {posixpath.basename(path), posixpath.basename(node.target)}
        instances = {one for one in names if name.instance == "" and one.startswith(f"{name.prefix}@")}
        if unit in names or instances:
            yield path


def _mask(tree: Tree, unit: str) -> None:
    path = f"{_ETC}/{unit}"
    there = tree.get(path)
    if there is not None and there.kind is Kind.SYMLINK and there.target != MASK:
        _refuse_other_names(tree, path, "mask")
    if there is not None and there.kind is not Kind.SYMLINK:
        raise BuilderError(f"/{path} is a {there.kind}, which the link that masks it would replace")
    tree.link(path, MASK)
