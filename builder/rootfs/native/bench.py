"""What a native tool works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.io.spawn import Runner
from builder.rootfs.tree import Content
from builder.toolchain.tree import ToolsTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The tools, the runner of their commands, and a directory that is removed afterwards."""

    tools: ToolsTree
    runner: Runner
    scratch: Path

    def lay_out(self, name: str, files: Mapping[str, Content]) -> Path:
        """A new directory `name` with `files` by their paths in a root file system; its own path has no links in it."""
        root = self.scratch.resolve() / name
        root.mkdir(parents=True)
        for path, content in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as stream:
                content.copy_to(stream.fileno())
        return root
