"""Units of systemd that a recipe lays over packages: each can be read, its programs are there, and something starts it."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from builder.audit.rootfs.finding import RootFinding
from builder.io.spawn import CommandError, EndReason
from builder.rootfs.customize.changes import by_customizing
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Content, Kind, Text, Tree
from builder.rootfs.units import MASK, parse_unit

# In the order in which systemd looks for units.
PLACES = ("etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_SUFFIXES = (".service", ".socket", ".timer", ".path", ".mount", ".automount", ".swap", ".target", ".slice")
# Settings by which one unit starts another (systemd.unit(5), systemd.timer(5), systemd.path(5), systemd.socket(5)).
_STARTING = (
    "Wants",
    "Requires",
    "Requisite",
    "BindsTo",
    "Upholds",
    "OnFailure",
    "OnSuccess",
    "Unit",
    "Service",
    "Sockets",
    "Also",
)
_REFERENCE = re.compile(rf"^\s*(?:{'|'.join(_STARTING)})\s*=(.*)$", re.MULTILINE)
# Units of these kinds start the service of their name.
_STARTERS = (".socket", ".timer", ".path")
_COMMAND = re.compile(r"^\s*Exec\w*\s*=\s*[-@:+!|]*(/[^\s;]+)", re.MULTILINE)
_TOLD = re.compile(r"^([^:\s]+)(?::\d+)?: (.+)$", re.MULTILINE)
_WRITABLE = 0o022
_EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True)
class OwnUnit:
    """A unit that the recipe brings, or changes by a drop-in: its name, and the path of the file."""

    name: str
    path: str

    @property
    def is_whole(self) -> bool:
        """Whether the file is the unit itself."""
        return posixpath.basename(self.path) == self.name


def own_units(tree: Tree) -> list[OwnUnit]:
    """The unit files and drop-ins that no package brought, sorted by their paths; what is masked is no unit any more."""
    found = []
    for place in PLACES:
        for path in tree.below(place) if tree.is_directory(place) else ():
            node = tree.nodes[path]
            if node.kind is not Kind.FILE or not by_customizing(node):
                continue
            inner = path[len(place) + 1 :]
            name = inner.partition("/")[0].removesuffix(".d") if inner.endswith(".conf") else inner
            if "/" not in name and name.endswith(_SUFFIXES):
                found.append(OwnUnit(name, path))
    return found


def audit_units(tree: Tree, decided: frozenset[str]) -> Iterator[RootFinding]:
    """What is wrong with the recipe's own units; it has `decided` about some, which may lie idle on purpose."""
    started = _started(tree)
    for unit in own_units(tree):
        mode = tree.nodes[unit.path].mode
        if mode & _EXECUTABLE or mode & _WRITABLE:
            what = f"a unit is read, not run, and root's alone: its mode is {mode:04o}"
            yield RootFinding(path=f"/{unit.path}", what=what, remedy="give it the mode 0644")
        if unit.is_whole and unit.name not in started | decided and parse_unit(unit.name).instance is None:
            yield RootFinding(
                path=f"/{unit.path}",
                what="nothing starts it",
                remedy=f"enable it (rootfs.units: {{{unit.name}: enabled}}), have another unit want it, or say disabled",
            )


def _started(tree: Tree) -> frozenset[str]:
    """Names of all units that links, other units, sockets, timers, D-Bus or udev start."""
    found: set[str] = set()
    for path in _below_places(tree):
        node, name = tree.nodes[path], posixpath.basename(path)
        if node.kind is Kind.SYMLINK and node.target != MASK:
            # An alias, or a wish: either way the unit is known by what the link leads to.
            found.update({name, posixpath.basename(node.target)})
        elif node.kind is Kind.FILE and name.endswith((*_SUFFIXES, ".conf")):
            found.update(word for line in _REFERENCE.findall(tree.text(path)) for word in line.split())
            if name.endswith(_STARTERS):
                found.add(f"{name.rpartition('.')[0]}.service")
    for place, pattern in _ELSEWHERE.items():
        for path in tree.below(place) if tree.is_directory(place) else ():
            if tree.nodes[path].kind is Kind.FILE:
                found.update(pattern.findall(tree.text(path)))
    return frozenset(found)


_ELSEWHERE: Mapping[str, re.Pattern[str]] = {
    "usr/share/dbus-1/system-services": re.compile(r"^SystemdService=(\S+)", re.MULTILINE),
    "usr/lib/udev/rules.d": re.compile(r"SYSTEMD_WANTS\}\+?=\"([^\"]+)\""),
    "etc/udev/rules.d": re.compile(r"SYSTEMD_WANTS\}\+?=\"([^\"]+)\""),
}


def verify_units(tree: Tree, bench: Bench) -> Iterator[RootFinding]:
    """What systemd itself says of the recipe's own units: by the tools of this machine, without starting anything."""
    units = own_units(tree)
    names = sorted({_loadable(unit.name) for unit in units})
    if not names:
        return
    programs = _programs(tree)
    root = bench.lay_out("units", {**_unit_files(tree), **dict.fromkeys(programs, Text(b""))})
    for program in programs:
        (root / program).chmod(0o755)
    log = root.parent / "units.log"
    options = [f"--root={root}", "--man=no", "--generators=no", "--recursive-errors=no"]
    try:
        replace(bench.runner, log=log).run(bench.tools.command("systemd-analyze", "verify", *options, *names))
    except CommandError as error:
        if error.failure.reason is not EndReason.EXIT:
            raise
    files = {_loadable(unit.name): unit.path for unit in reversed(units)}
    for where, what in _TOLD.findall(log.read_text(errors="replace").replace(str(root), "")):
        path = where.lstrip("/") if where.startswith("/") else files.get(where, "")
        if path in {unit.path for unit in units} or where in files:
            yield RootFinding(path=f"/{path}", what=what, remedy="correct the unit (systemd-analyze verify)")


def _loadable(name: str) -> str:
    """A unit that can be loaded: of a template some instance."""
    unit = parse_unit(name)
    return str(unit.of("x")) if unit.instance == "" else name


def _unit_files(tree: Tree) -> Mapping[str, Content]:
    """The files of all units; an empty one masks its unit as a link to nothing does."""
    found: dict[str, Content] = {}
    for path in _below_places(tree):
        node = tree.nodes[path]
        if node.kind is Kind.FILE and node.content is not None:
            found[path] = node.content
        elif node.kind is Kind.SYMLINK and node.target == MASK:
            found[path] = Text(b"")
    return found


def _programs(tree: Tree) -> frozenset[str]:
    """The programs that units name and that are there: that they can be run is all that matters."""
    named = {
        word.lstrip("/")
        for path in _below_places(tree)
        if tree.nodes[path].kind is Kind.FILE
        for word in _COMMAND.findall(tree.text(path))
    }
    nodes = {name: tree.get(name, follow=True) for name in named}
    return frozenset(name for name, node in nodes.items() if node is not None and node.mode & _EXECUTABLE)


def _below_places(tree: Tree) -> Iterator[str]:
    for place in PLACES:
        if tree.is_directory(place):
            yield from tree.below(place)
