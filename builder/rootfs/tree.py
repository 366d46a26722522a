"""A file system in memory: what a root file system will hold, with owners that nobody has to be.

Paths are relative to the root, without a slash in front (`etc/passwd`). Whoever names `bin/sh` means `usr/bin/sh` where `bin`
is a link to `usr/bin`: every operation resolves links of parent directories first, as a kernel would. Contents stay where
they are (in the packages) until the tree is written.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from builder.core.errors import BuilderError

_MOST_LINKS = 40  # as Linux (path_resolution(7))


class Kind(StrEnum):
    """What a node is. A hard link is a name of another node's content: `target` is that node's path."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


class Content(Protocol):
    """The bytes of a file, wherever they lie."""

    @property
    def size_bytes(self) -> int:
        """How many they are."""

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        """All of them, or at most `size_bytes` from `offset` on."""

    def copy_to(self, descriptor: int) -> None:
        """Write all of them at the position of `descriptor`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One name of the file system.

    `mode` are permission bits with setuid, setgid and sticky. `target` is a symbolic link's text, or the path that a hard link
    shares its content with. `capabilities` is the value of the attribute security.capability. `owner` says who brought it: a
    package's name, or what wrote it. `mtime_s` is None where the moment of building counts.
    """

    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime_s: int | None = None
    content: Content | None = None
    target: str = ""
    capabilities: bytes = b""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Content that was made here."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        """See `Content`."""
        return len(self.data)

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        """See `Content`."""
        return self.data[offset:] if size_bytes is None else self.data[offset : offset + size_bytes]

    def copy_to(self, descriptor: int) -> None:
        """See `Content`."""
        from builder.io.files import write_all  # noqa: PLC0415 - the one thing here that touches a disk

        write_all(descriptor, self.data)


@dataclass(slots=True)
class Tree:
    """The nodes by path. `writer` is who new nodes belong to (`Node.owner`)."""

    nodes: dict[str, Node] = field(default_factory=dict)
    writer: str = ""

    def resolve(self, path: str, *, follow: bool = False) -> str:
        """The path that `path` leads to: links of its parents followed, that of its last part with `follow`.

        `BuilderError` for a path that leads out of the tree, or in circles.
        """
        parts = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        here: list[str] = []
        links = 0
        while parts:
            part = parts.pop()
            if part == "..":
                if not here:
                    raise BuilderError(f"the path {path!r} leads out of the root file system")
                here.pop()
                continue
            here.append(part)
            node = self.nodes.get("/".join(here))
            if node is None or node.kind is not Kind.SYMLINK or not (parts or follow):
                continue
            links += 1
            if links > _MOST_LINKS:
                raise BuilderError(f"the path {path!r} leads in circles")
            here = [] if node.target.startswith("/") else here[:-1]
            parts += [one for one in reversed(node.target.split("/")) if one not in ("", ".")]
        return "/".join(here)

    def get(self, path: str, *, follow: bool = False) -> Node | None:
        """The node at `path`, None where there is none."""
        return self.nodes.get(self.resolve(path, follow=follow))

    def exists(self, path: str) -> bool:
        """Whether `path` leads to something."""
        return self.get(path, follow=True) is not None

    def is_directory(self, path: str) -> bool:
        """Whether `path` leads to a directory."""
        node = self.get(path, follow=True)
        return node is not None and node.kind is Kind.DIRECTORY

    def content(self, path: str) -> Content:
        """The content of the file that `path` leads to; `BuilderError` where there is none."""
        name = self.resolve(path, follow=True)
        node = self.nodes.get(name)
        if node is not None and node.kind is Kind.HARDLINK:
            node = self.nodes.get(node.target)
        if node is None or node.content is None:
            raise BuilderError(f"the root file system has no file {path}")
        return node.content

    def read(self, path: str) -> bytes:
        """The bytes of the file that `path` leads to; `BuilderError` where there is none."""
        return self.content(path).read()

    def text(self, path: str) -> str:
        """The same as text; bytes that are no UTF-8 survive a `write`."""
        return self.read(path).decode(errors="surrogateescape")

    def add(self, path: str, node: Node) -> str:
        """Place `node`, whatever was there before; its parents are made where they are missing. The path it got."""
        name = self.resolve(path)
        self._make_parents(name)
        self.nodes[name] = node if node.owner else replace(node, owner=self.writer)
        return name

    def write(self, path: str, data: bytes | str, *, mode: int = 0o644, uid: int = 0, gid: int = 0) -> str:
        """Place a file with this content."""
        raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        return self.add(path, Node(kind=Kind.FILE, mode=mode, uid=uid, gid=gid, content=Text(raw)))

    def link(self, path: str, target: str) -> str:
        """Place a symbolic link."""
        return self.add(path, Node(kind=Kind.SYMLINK, mode=0o777, target=target))

    def make_directory(self, path: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0) -> str:
        """Make a directory; one that is there keeps its mode and owner."""
        name = self.resolve(path, follow=True)
        if name and name not in self.nodes:
            self.add(name, Node(kind=Kind.DIRECTORY, mode=mode, uid=uid, gid=gid))
        elif name and self.nodes[name].kind is not Kind.DIRECTORY:
            raise BuilderError(f"{path} is to be a directory, but is a {self.nodes[name].kind}")
        return name

    def change(self, path: str, *, mode: int | None = None, uid: int | None = None, gid: int | None = None) -> str:
        """Change mode or owner of what `path` leads to; `BuilderError` where there is nothing."""
        name = self.resolve(path, follow=True)
        node = self.nodes.get(name)
        if node is None:
            raise BuilderError(f"the root file system has no {path}")
        new = {"mode": mode, "uid": uid, "gid": gid}
        self.nodes[name] = replace(node, **{key: value for key, value in new.items() if value is not None})  # type: ignore[arg-type]
        return name

    def remove(self, path: str) -> None:
        """Remove the name `path` and all below it; nothing happens where there is none."""
        name = self.resolve(path)
        node = self.nodes.pop(name, None)
        if node is not None and node.kind is Kind.DIRECTORY:
            for inner in [one for one in self.nodes if one.startswith(f"{name}/")]:
                del self.nodes[inner]

    def below(self, path: str) -> Iterator[str]:
        """The paths of everything below the directory that `path` leads to, sorted."""
        prefix = f"{self.resolve(path, follow=True)}/".lstrip("/")
        yield from sorted(name for name in self.nodes if name.startswith(prefix))

    def children(self, path: str) -> list[str]:
        """The names in the directory that `path` leads to, sorted."""
        prefix = f"{self.resolve(path, follow=True)}/".lstrip("/")
        start = len(prefix)
        return sorted(name[start:] for name in self.nodes if name.startswith(prefix) and "/" not in name[start:])

    def _make_parents(self, name: str) -> None:
        parent = posixpath.dirname(name)
        if not parent:
            return
        node = self.nodes.get(parent)
        if node is None:
            self._make_parents(parent)
            self.nodes[parent] = Node(kind=Kind.DIRECTORY, mode=0o755, owner=self.writer)
        elif node.kind is not Kind.DIRECTORY:
            raise BuilderError(f"{name} cannot be placed: {parent} is a {node.kind}")
