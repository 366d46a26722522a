"""Lays entries of overlays, and single files, over a tree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.errors import BuilderError
from builder.core.nearest import did_you_mean
from builder.rootfs.customize.content import on_disk
from builder.rootfs.customize.hardlinks import detach
from builder.rootfs.customize.model import DIRECTORY_MODE, FILE_MODE, EntryKind, OverlayEntry, OverlayLayer
from builder.rootfs.customize.templates import render
from builder.rootfs.effects.base import ROOT, Image
from builder.rootfs.tree import Content, Kind, Node, Text

# On the device other file systems are mounted there, which hide what an image has below them.
_HIDDEN = ("dev", "proc", "run", "sys")
_REPLACES = "if it is to be so, list it under 'replaces'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What an overlay has said of a path."""

    by: str
    node: Node


@dataclass(slots=True, kw_only=True)
class Placing:
    """Lays entries over `image`. `contents` are the step's sources by name, `shown` how people know them.

    Everything that does not fit is added to `problems`.
    """

    image: Image
    contents: Mapping[str, Path]
    shown: Mapping[str, str]
    variables: Mapping[str, str]
    problems: list[str] = field(default_factory=list)
    _placed: dict[str, Placed] = field(default_factory=dict)

    def overlay(self, layer: OverlayLayer) -> None:
        """Lay an overlay over the tree."""
        name = f"overlay {layer.name}"
        for place, entry in sorted(layer.entries.items()):
            may_replace = f"/{place}" in layer.replaces
            self._place(_Wanted(by=name, place=place, entry=entry, may_replace=may_replace))
        for path in layer.replaces:
            if path.strip("/") not in layer.entries:
                near = did_you_mean(path, [f"/{one}" for one in layer.entries], most=5000)
                self.problems.append(f"{name}: it has no {path}, which it is to replace{near}")

    def files(self, entries: Mapping[str, OverlayEntry]) -> None:
        """Lay the recipe's single files over all overlays."""
        for place, entry in sorted(entries.items()):
            self._place(_Wanted(by="rootfs.files", place=place, entry=entry, may_replace=True))

    def _place(self, wanted: "_Wanted") -> None:
        try:
            path = self.image.tree.resolve(wanted.place, follow=wanted.entry.kind is EntryKind.DIRECTORY)
            self._require_lasting(path)
            if wanted.entry.kind is EntryKind.DIRECTORY:
                self._directory(wanted, path)
            else:
                self._name(wanted, path)
        except BuilderError as error:
            self.problems += [f"{wanted.by}: /{wanted.place}: {what}" for what in (error.brief, *error.details)]

    def _require_lasting(self, path: str) -> None:
        top, _, below = path.partition("/")
        if below and top in _HIDDEN:
            raise BuilderError(
                f"what lies in /{top} is hidden on a device; a file in /etc/tmpfiles.d can make it at boot"
            )

    def _directory(self, wanted: "_Wanted", path: str) -> None:
        tree, entry = self.image.tree, wanted.entry
        there = tree.nodes.get(path)
        if there is not None and there.kind is not Kind.DIRECTORY:
            raise BuilderError(f"it is a directory, but {_owned(there)}")
        uid, gid = self._ids(entry)
        if there is None:
            node = Node(kind=Kind.DIRECTORY, mode=int(entry.mode or DIRECTORY_MODE, 8), uid=uid, gid=gid)
            tree.add(path, node)
        elif entry.mode or entry.owner or entry.group:
            node = Node(
                kind=Kind.DIRECTORY,
                mode=int(entry.mode, 8) if entry.mode else there.mode,
                uid=uid if entry.owner else there.uid,
                gid=gid if entry.group else there.gid,
                owner=there.owner,
                mtime_s=there.mtime_s,
            )
            self._require_agreement(wanted, path, node)
            tree.nodes[path] = node
        if entry.mode or entry.owner or entry.group:
            self._placed[path] = Placed(by=wanted.by, node=tree.nodes[path])

    def _name(self, wanted: "_Wanted", path: str) -> None:
        """A file or a symbolic link."""
        tree = self.image.tree
        there = tree.nodes.get(path)
        if there is not None and there.kind is Kind.DIRECTORY:
            what = "a symbolic link" if wanted.entry.kind is EntryKind.SYMLINK else "a file"
            raise BuilderError(f"it is {what}, but {_owned(there)}")
        if there is not None and there.kind is Kind.SYMLINK and tree.is_directory(path):
            self._require_way(wanted, path, there)
        node = self._node(wanted.entry)
        if node is None:
            return
        if self._require_agreement(wanted, path, node):
            detach(tree, path)
            tree.add(path, node)
            self._placed[path] = Placed(by=wanted.by, node=tree.nodes[path])

    def _require_way(self, wanted: "_Wanted", path: str, there: Node) -> None:
        """Raise where `there`, a link to a directory, would be gone: what lies in /usr/lib is found by way of /lib."""
        entry = wanted.entry
        if entry.kind is not EntryKind.SYMLINK:
            raise BuilderError(f"it is a file, but {_owned(there)}, which leads to a directory")
        if "/" not in path and entry.target.strip("/") != there.target.strip("/"):
            raise BuilderError(f"it leads to {entry.target}, but {_owned(there)}, which leads to {there.target}")

    def _require_agreement(self, wanted: "_Wanted", path: str, node: Node) -> bool:
        """Whether `node` is new; an overlay before this one that says something else is an error."""
        placed = self._placed.get(path)
        if placed is None or wanted.may_replace:
            return True
        if _same(placed.node, node):
            return False
        raise BuilderError(f"{placed.by} has it too, and differs; {_REPLACES}")

    def _node(self, entry: OverlayEntry) -> Node | None:
        """The node that `entry` becomes; None for a template with mistakes, which are noted."""
        uid, gid = self._ids(entry)
        if entry.kind is EntryKind.SYMLINK:
            return Node(kind=Kind.SYMLINK, mode=0o777, target=entry.target)
        content: Content = Text(entry.text.encode())
        if entry.kind is EntryKind.TEMPLATE:
            shown = self.shown.get(entry.source, entry.source)
            text, problems = render(self.contents[entry.source], shown, self.variables)
            if problems:
                self.problems += problems
                return None
            content = Text(text.encode())
        elif entry.source:
            content = on_disk(self.contents[entry.source])
        mode = int(entry.mode or FILE_MODE, 8)
        return Node(kind=Kind.FILE, mode=mode, uid=uid, gid=gid, content=content)

    def _ids(self, entry: OverlayEntry) -> tuple[int, int]:
        accounts = self.image.accounts
        owner, group = entry.owner or ROOT, entry.group or ROOT
        problems = [] if owner in accounts.users else [f"there is no user {owner}{did_you_mean(owner, accounts.users)}"]
        if group not in accounts.groups:
            problems.append(f"there is no group {group}{did_you_mean(group, accounts.groups)}")
        if problems:
            raise BuilderError(problems[0], details=problems[1:])
        return accounts.ids(owner, group)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An entry, who wants it where, and whether it may take the place of another overlay's."""

    by: str
    place: str
    entry: OverlayEntry
    may_replace: bool


def _same(one: Node, other: Node) -> bool:
    if (one.kind, one.mode, one.uid, one.gid, one.target) != (
        other.kind,
        other.mode,
        other.uid,
        other.gid,
        other.target,
    ):
        return False
    return (one.content.read() if one.content else b"") == (other.content.read() if other.content else b"")


def _owned(node: Node) -> str:
    """Words for what is in the way."""
    return f"{node.owner or 'the system'} has a {node.kind} there"
