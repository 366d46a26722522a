"""What systemd's tools and Debian's helpers for them do: enabled units, tmpfiles.d(5), the databases of hardware and messages."""

import shlex
from collections.abc import Callable
from typing import ClassVar

from builder.rootfs.effects.base import ROOT, Effect, Image, Phase
from builder.rootfs.native import catalog, hwdb
from builder.rootfs.presets import is_enabled_by_preset
from builder.rootfs.tree import Content, Kind, Tree
from builder.rootfs.units import install_links

_STATE = "var/lib/systemd/deb-systemd-helper-enabled"
_USER_STATE = "var/lib/systemd/deb-systemd-user-helper-enabled"
# What is made anew at every boot, on a file system in memory.
_VOLATILE = ("run/", "tmp/", "dev/", "sys/", "proc/")


class Enable(Effect):
    """`deb-systemd-helper enable UNIT`: the links that its [Install] section asks for, and the helper's record of them.

    `links` is false where the unit is only recorded (a package that ships it disabled).
    """

    phase: ClassVar[Phase] = Phase.SETTINGS

    unit: str
    links: bool = True
    record: bool = True

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        _enable(image, self, system=True)


class EnableUser(Enable):
    """What `enable` is, for units of users' own managers (`deb-systemd-helper --user enable UNIT`)."""

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        _enable(image, self, system=False)


def _enable(image: Image, wanted: Enable, *, system: bool) -> None:
    place, state = ("etc/systemd/system", _STATE) if system else ("etc/systemd/user", _USER_STATE)
    links = install_links(image.tree, wanted.unit, system=system)
    if wanted.links and (not system or is_enabled_by_preset(image.tree, wanted.unit)):
        for path, target in links:
            if not image.tree.get(path):
                image.tree.link(path, target)
    if not wanted.record:
        return
    image.tree.write(f"{state}/{wanted.unit}.dsh-also", "".join(f"/{path}\n" for path, _ in links))
    for path, _ in links if wanted.links else ():
        image.tree.write(f"{state}/{path.removeprefix(place).strip('/')}", "")


class Tmpfiles(Effect):
    """What `systemd-tmpfiles --create FILES` makes on disk; `files` are names in usr/lib/tmpfiles.d, separated by spaces."""

    phase: ClassVar[Phase] = Phase.SETTINGS

    files: str

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for name in self.files.split():
            if image.tree.exists(f"usr/lib/tmpfiles.d/{name}"):
                for line in image.tree.text(f"usr/lib/tmpfiles.d/{name}").splitlines():
                    if words := shlex.split(line, comments=True, posix=True):
                        _tmpfile(image, words)


def _tmpfile(image: Image, words: list[str]) -> None:
    """One line of tmpfiles.d(5): type, path, mode, owner, group, age, argument; `-` and what is missing mean the default."""
    kind, path, mode, owner, group, _, argument = [*words, *["-"] * 7][:7]
    path = path.strip("/")
    # `!` is for boots only, `^` takes a credential of the machine, and `%` stands for what only a running system knows.
    if "!" in kind or "^" in kind or "%" in path or "*" in path or f"{path}/".startswith(_VOLATILE):
        return
    letter = kind.rstrip("+-=~^$")
    tree = image.tree
    uid, gid = image.accounts.ids(
        ROOT if owner == "-" else owner.lstrip(":"), ROOT if group == "-" else group.lstrip(":")
    )
    given = None if mode == "-" else int(mode.lstrip("~:"), 8)
    match letter:
        case "d" | "D" | "v" | "q" | "Q" | "e":
            _directory(image, path, (given, uid, gid), make=letter != "e")
        case "f" | "F" if not tree.get(path) or letter == "F":
            tree.write(path, "" if argument == "-" else argument, mode=given or 0o644, uid=uid, gid=gid)
        case "L" if not tree.get(path) or "+" in kind:
            tree.link(path, f"/usr/share/factory/{path}" if argument == "-" else argument)
        case "C" if not tree.get(path):
            _copy(tree, path, f"usr/share/factory/{path}" if argument == "-" else argument.strip("/"))
        case "z" | "Z" if tree.exists(path):
            tree.change(path, mode=given, uid=None if owner == "-" else uid, gid=None if group == "-" else gid)


def _directory(image: Image, path: str, wanted: tuple[int | None, int, int], *, make: bool) -> None:
    mode, uid, gid = wanted
    tree = image.tree
    if make and not tree.exists(path):
        tree.make_directory(path, mode=0o755 if mode is None else mode, uid=uid, gid=gid)
    elif tree.is_directory(path) and mode is not None:
        tree.change(path, mode=mode, uid=uid, gid=gid)


def _copy(tree: Tree, path: str, source: str) -> None:
    node = tree.get(source, follow=True)
    if node is not None and node.kind is Kind.FILE:
        tree.write(path, tree.read(source), mode=node.mode, uid=node.uid, gid=node.gid)


class Hwdb(Effect):
    """The database of hardware out of the lists of all packages (systemd-hwdb(8))."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:
        """See `Effect`."""
        sources = _sources(image.tree, hwdb.is_source)
        version = int(image.packages[package].version.partition(".")[0])
        data = hwdb.prepared_hwdb(image.hwdb, sources) or hwdb.compile_hwdb(sources, version, image.bench)
        image.tree.write(hwdb.HWDB, data, mode=0o444)


class Catalog(Effect):
    """The catalogue of messages out of those of all packages (journalctl --update-catalog)."""

    phase: ClassVar[Phase] = Phase.DATABASES

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        sources = _sources(image.tree, catalog.is_source)
        image.tree.write(catalog.CATALOG, catalog.compile_catalog(sources, image.bench))


def _sources(tree: Tree, is_source: Callable[[str], bool]) -> dict[str, Content]:
    return {path: tree.content(path) for path in sorted(tree.nodes) if is_source(path)}
