"""Directories as file systems in memory, and back."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.core.arch import Arch, host_arch
from builder.io.command import Command
from builder.io.files import write_all
from builder.rootfs.tree import Kind, Node, Tree
from builder.toolchain.tree import PLACES, ToolsTree
from tests.integration.tools.conftest import Tools

EMULATORS = {Arch.ARMV7: "qemu-arm", Arch.ARM64: "qemu-aarch64", Arch.AMD64: "qemu-x86_64"}


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The content of a file; see `rootfs.tree.Content`."""

    path: Path

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(-1 if size_bytes is None else size_bytes)

    def copy_to(self, descriptor: int) -> None:
        write_all(descriptor, self.path.read_bytes())


def read_tree(root: Path) -> Tree:
    """What lies in `root`, without owners."""
    tree = Tree()
    for place, directories, files in os.walk(root):
        for path in (Path(place, name) for name in directories + files):
            name = str(path.relative_to(root))
            if path.is_symlink():
                tree.nodes[name] = Node(kind=Kind.SYMLINK, target=str(path.readlink()))
            elif path.is_dir():
                tree.nodes[name] = Node(kind=Kind.DIRECTORY)
            else:
                tree.nodes[name] = Node(kind=Kind.FILE, mode=path.stat().st_mode & 0o777, content=OnDisk(path))
    return tree


def write_tree(tree: Tree, root: Path) -> None:
    """The opposite of `read_tree`."""
    for name, node in tree.nodes.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if node.kind is Kind.DIRECTORY:
            path.mkdir(exist_ok=True)
        elif node.kind is Kind.SYMLINK:
            path.symlink_to(node.target)
        else:
            assert node.content is not None
            path.write_bytes(node.content.read())
            path.chmod(node.mode)


def links(root: Path) -> dict[str, str]:
    """All symbolic links in `root` by path."""
    return {str(path.relative_to(root)): str(path.readlink()) for path in root.rglob("*") if path.is_symlink()}


def own_command(tools: Tools, arch: Arch, root: Path, name: str, arguments: Sequence[str | Path]) -> Command:
    """The command that starts the program `name` of the root file system in `root`: natively, or under emulation."""
    own = ToolsTree(root=root, arch=arch)
    if arch is host_arch():
        return own.command(name, *arguments)
    program = next(path for place in PLACES if (path := root / place / name).exists())
    emulator = tools("oracle").command(EMULATORS[arch], "-L", root, "-0", name, program.resolve(), *arguments)
    private = own.libraries / "systemd"
    return replace(emulator, env={"LD_LIBRARY_PATH": str(private)})
