"""A root file system out of its archive again, so that more can be done with it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from mmap import ACCESS_READ, mmap
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.formats.tar import DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarMember, read_members
from builder.rootfs.accounts import Accounts
from builder.rootfs.content import Slice
from builder.rootfs.effects.base import Image
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Kind, Node, Tree

_KINDS = {REGULAR: Kind.FILE, DIRECTORY: Kind.DIRECTORY, HARDLINK: Kind.HARDLINK, SYMLINK: Kind.SYMLINK}
_INFO = "var/lib/dpkg/info"


@contextmanager
def open_image(archive: Path, *, arch: Arch, epoch_s: int, bench: Bench) -> Iterator[Image]:
    """The root file system in `archive`, whose contents can be read while the block runs.

    Its nodes belong to packages as dpkg's lists say. `BuilderError` for devices, sockets and pipes.
    """
    descriptor = os.open(archive, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with mmap(descriptor, 0, access=ACCESS_READ) as data:
            tree = Tree(nodes=dict(_node(member, descriptor) for member in read_members(data) if _path(member.name)))
        _ascribe(tree)
        accounts = Accounts(fixed_users={}, fixed_groups={})
        accounts.load(tree.text("etc/passwd"), tree.text("etc/group"))
        yield Image(tree=tree, arch=arch, packages={}, accounts=accounts, epoch_s=epoch_s, modules={}, bench=bench)
    finally:
        os.close(descriptor)


def _path(name: str) -> str:
    return name.removeprefix("./").strip("/")


def _node(member: TarMember, descriptor: int) -> tuple[str, Node]:
    kind = _KINDS.get(member.type)
    if kind is None:
        raise BuilderError(f"{member.name} is neither a file, nor a directory, nor a link")
    content = Slice(descriptor, member.offset, member.size_bytes) if kind is Kind.FILE else None
    return _path(member.name), Node(
        kind=kind,
        mode=member.mode,
        uid=member.uid,
        gid=member.gid,
        mtime_s=member.mtime_s,
        content=content,
        target=_path(member.link) if kind is Kind.HARDLINK else member.link,
        capabilities=member.capabilities,
    )


def _ascribe(tree: Tree) -> None:
    """Say of each node which package brought it."""
    for name in tree.children(_INFO):
        package, dot, kind = name.rpartition(".")
        if dot and kind == "list":
            for line in tree.text(f"{_INFO}/{name}").splitlines():
                path = tree.resolve(line)
                if path in tree.nodes and not tree.nodes[path].owner:
                    tree.nodes[path] = replace(tree.nodes[path], owner=package.partition(":")[0])
