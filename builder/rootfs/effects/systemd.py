"""What systemd's tools and Debian's helpers for them do: enabled units, tmpfiles.d(5), the databases of hardware and messages."""

import shlex
from typing import ClassVar

from builder.rootfs.effects.base import ROOT, Effect, Image, Phase
from builder.rootfs.tree import Kind, Tree
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
    """The same for units of users' own managers (`deb-systemd-helper --user`)."""

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        _enable(image, self, system=False)


def _enable(image: Image, wanted: Enable, *, system: bool) -> None:
    place, state = ("etc/systemd/system", _STATE) if system else ("etc/systemd/user", _USER_STATE)
    links = install_links(image.tree, wanted.unit, system=system)
    if wanted.links:
        for path, target in links:
            if not image.tree.get(path):
                image.tree.link(path, target)
    if not wanted.record:
        return
    image.tree.write(f"{state}/{wanted.unit}.dsh-also", "".join(f"/{path}\n" for path, _ in links))
    for path, _ in links:
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
    # `!` is for boots only, and `%` stands for what only a running system knows.
    if "!" in kind or "%" in path or "*" in path or f"{path}/".startswith(_VOLATILE):
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


class Native(Effect):
    """Files that a program has made of the package's files beforehand."""

    phase: ClassVar[Phase] = Phase.DATABASES
    native: ClassVar[str]

    def apply(self, image: Image, package: str) -> None:  # noqa: ARG002
        """See `Effect`."""
        for path, data in image.natives.get(self.native, {}).items():
            image.tree.write(path, data)


class Hwdb(Native):
    """The database of hardware (systemd-hwdb(8))."""

    native: ClassVar[str] = "hwdb"


class Catalog(Native):
    """The catalogue of messages (journalctl --update-catalog)."""

    native: ClassVar[str] = "catalog"
