"""Writing a tree as a tar archive, the same bytes for the same tree whoever does it."""

import os
from pathlib import Path

from builder.formats.tar import DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarMember, end_bytes, header_bytes, padding_bytes
from builder.io.files import write_all
from builder.rootfs.tree import Kind, Node, Tree

_TYPES = {Kind.FILE: REGULAR, Kind.HARDLINK: HARDLINK, Kind.SYMLINK: SYMLINK, Kind.DIRECTORY: DIRECTORY}
# Headers of small files are gathered with their contents, so that a file costs one system call and not three.
_GATHERED_BYTES = 1 << 18
_SMALL_BYTES = 1 << 16


class _Writer:
    """Gathers small pieces in memory; large contents go from file to file within the kernel."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0
        self.size_bytes = 0

    def put(self, data: bytes) -> None:
        self._pieces.append(data)
        self._waiting_bytes += len(data)
        self.size_bytes += len(data)
        if self._waiting_bytes > _GATHERED_BYTES:
            self.flush()

    def put_content(self, node: Node) -> None:
        content = node.content
        if content is None:
            return
        if content.size_bytes <= _SMALL_BYTES:
            self.put(content.read() + padding_bytes(content.size_bytes))
            return
        self.flush()
        content.copy_to(self._descriptor)
        self.size_bytes += content.size_bytes
        self.put(padding_bytes(content.size_bytes))

    def flush(self) -> None:
        write_all(self._descriptor, b"".join(self._pieces))
        self._pieces, self._waiting_bytes = [], 0


def write_tar(tree: Tree, target: Path, *, epoch_s: int) -> None:
    """Write `tree` to the new file `target`, sorted by path. No time in it is later than `epoch_s`.

    A hard link whose first name sorts behind it is written as the file, and the other name as the link.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        writer = _Writer(descriptor)
        root = Node(kind=Kind.DIRECTORY, mode=0o755)
        writer.put(header_bytes(_member("", root, epoch_s)))
        written: dict[str, str] = {}
        for path in sorted(tree.nodes):
            _write_node(writer, tree, path, written, epoch_s)
        writer.put(end_bytes(writer.size_bytes))
        writer.flush()
    finally:
        os.close(descriptor)


def _write_node(writer: _Writer, tree: Tree, path: str, written: dict[str, str], epoch_s: int) -> None:
    node = tree.nodes[path]
    if node.kind not in (Kind.FILE, Kind.HARDLINK):
        writer.put(header_bytes(_member(path, node, epoch_s)))
        return
    # Of all names of one content the first carries it.
    first = node.target if node.kind is Kind.HARDLINK else path
    if first in written:
        link = Node(
            kind=Kind.HARDLINK, mode=node.mode, uid=node.uid, gid=node.gid, target=written[first], mtime_s=node.mtime_s
        )
        writer.put(header_bytes(_member(path, link, epoch_s)))
        return
    written[first] = path
    whole = tree.nodes[first]
    writer.put(header_bytes(_member(path, whole, epoch_s)))
    writer.put_content(whole)


def _member(path: str, node: Node, epoch_s: int) -> TarMember:
    name = f"./{path}" + ("/" if path and node.kind is Kind.DIRECTORY else "")
    return TarMember(
        name=name,
        type=_TYPES[node.kind],
        mode=node.mode,
        uid=node.uid,
        gid=node.gid,
        mtime_s=epoch_s if node.mtime_s is None else min(node.mtime_s, epoch_s),
        size_bytes=node.content.size_bytes if node.content is not None else 0,
        link=f"./{node.target}" if node.kind is Kind.HARDLINK else node.target,
        capabilities=node.capabilities,
    )
