"""Packages laid over each other, as dpkg unpacks them: conflicts, Replaces, diversions, merged /usr."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from builder.core.errors import BuilderError
from builder.debian.relations import parse_relations
from builder.formats.tar import DIRECTORY, HARDLINK, SYMLINK, TarMember
from builder.rootfs.content import PackageContent
from builder.rootfs.tree import Kind, Node, Tree

_KINDS = {DIRECTORY: Kind.DIRECTORY, HARDLINK: Kind.HARDLINK, SYMLINK: Kind.SYMLINK}
# Directories of the root that are links into /usr (UsrMerge); lib64 where the architecture's loader lies in it.
_MERGED = ("bin", "sbin", "lib")
_MERGED_OF = {"amd64": (*_MERGED, "lib64")}


@dataclass(slots=True, kw_only=True)
class Merge:
    """Lays packages into `tree`, one after the other.

    `diversions` maps a path to where it goes, and to the package that may keep its own file there. `problems` collects all
    that does not fit.
    """

    tree: Tree
    packages: Mapping[str, PackageContent]
    diversions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    # Links of directories followed once, not for each of the files in them.
    _directories: dict[str, str] = field(default_factory=dict)

    def run(self, architecture: str) -> None:
        """Lay all packages into the tree; `BuilderError` names every file that two of them claim."""
        for name in _MERGED_OF.get(architecture, _MERGED):
            self.tree.make_directory(f"usr/{name}")
            self.tree.link(name, f"usr/{name}")
        for package in _in_order(self.packages.values()):
            self._directories = {}
            for member in package.members:
                self._place(package, member)
        if self.problems:
            raise BuilderError(
                "packages claim the same paths",
                details=self.problems,
                hint="they cannot be installed together: drop one of them, or use versions that agree",
            )

    def _place(self, package: PackageContent, member: TarMember) -> None:
        try:
            path = self._path(package, member.name)
        except BuilderError as error:
            self.problems.append(f"{package.name}: {error.brief}")
            return
        there = self.tree.nodes.get(path)
        if there is not None and not self._may_replace(package, member, path):
            return
        node = self._node(package, member)
        if there is None and "/" in path and posixpath.dirname(path) not in self.tree.nodes:
            self.tree.add(path, node)
        else:
            self.tree.nodes[path] = node
        if node.kind is not Kind.FILE:
            self._directories.clear()

    def _path(self, package: PackageContent, name: str) -> str:
        parent, _, last = name.rpartition("/")
        if parent not in self._directories:
            found = self.tree.resolve(parent, follow=True)
            node = self.tree.nodes.get(found)
            if node is not None and node.kind is not Kind.DIRECTORY:
                raise BuilderError(f"{name} would be reached through {found}, which is no directory")
            self._directories[parent] = found
        path = f"{self._directories[parent]}/{last}".lstrip("/")
        to, keeper = self.diversions.get(path, ("", ""))
        return to if to and keeper != package.name else path

    def _may_replace(self, package: PackageContent, member: TarMember, path: str) -> bool:
        """Whether what is at `path` gives way to `member`; a claim that cannot be settled is noted."""
        there = self.tree.nodes[path]
        if member.type == DIRECTORY:
            if self.tree.is_directory(path):
                return False
        elif there.kind is Kind.SYMLINK and member.type == SYMLINK and there.target == member.link:
            return False
        other = self.packages.get(there.owner)
        if other is not None and there.kind is not Kind.DIRECTORY:
            if _replaces(package, other):
                return True
            if _replaces(other, package):
                return False
        owner = there.owner or "the merged /usr"
        self.problems.append(f"{member.name}: {package.name} and {owner} both have it")
        return False

    def _node(self, package: PackageContent, member: TarMember) -> Node:
        kind = _KINDS.get(member.type, Kind.FILE)
        target = member.link
        if kind is Kind.HARDLINK:
            target = self._path(package, member.link)
        return Node(
            kind=kind,
            mode=member.mode,
            uid=member.uid,
            gid=member.gid,
            mtime_s=member.mtime_s,
            content=package.content(member) if kind is Kind.FILE else None,
            target=target,
            capabilities=member.capabilities,
            owner=package.name,
        )


def _in_order(packages: Iterable[PackageContent]) -> Sequence[PackageContent]:
    """base-files first, whose directories have the modes that count; then by name."""
    return sorted(packages, key=lambda one: (one.name != "base-files", one.name))


def _replaces(package: PackageContent, other: PackageContent) -> bool:
    """Whether `package` says that its files may take the place of those of `other`."""
    relations = parse_relations(package.fields.get("replaces", ""), where=package.name)
    return any(one.name == other.name and one.allows(other.version) for one in relations)
