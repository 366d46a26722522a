"""What a native tool works with."""

import os
import posixpath
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
        for directory in {posixpath.dirname(path) for path in files}:
            (root / directory).mkdir(parents=True, exist_ok=True)
        # A kernel has thousands of modules: paths stay text, and files are no streams.
        for path, content in files.items():
            descriptor = os.open(f"{root}/{path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                content.copy_to(descriptor)
            finally:
                os.close(descriptor)
        return root
