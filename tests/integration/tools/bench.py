"""Runs tools of a tree in one directory."""

import re
from dataclasses import dataclass
from pathlib import Path

from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree

EPOCH = {"SOURCE_DATE_EPOCH": "1700000000", "TZ": "UTC"}
_LOADED = re.compile(r"calling init: (/\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    runner: Runner
    place: Path

    def run(self, tree: ToolsTree, name: str, *arguments: str | Path, stdin: Path | None = None) -> None:
        self.runner.run(tree.command(name, *arguments, env=EPOCH, cwd=self.place, stdin=stdin))

    def said(self, tree: ToolsTree, name: str, *arguments: str | Path) -> str:
        """Standard output."""
        return self.runner.capture(tree.command(name, *arguments, env=EPOCH, cwd=self.place))

    def libraries(self, tree: ToolsTree, name: str, *arguments: str | Path) -> set[Path]:
        """All that the loader loads while the program runs."""
        self.runner.log.unlink(missing_ok=True)
        self.runner.run(tree.command(name, *arguments, env={**EPOCH, "LD_DEBUG": "libs"}, cwd=self.place))
        return {Path(found) for found in _LOADED.findall(self.runner.log.read_text())}

    def empty(self, name: str, size_bytes: int) -> Path:
        """A new file of zeros."""
        with (self.place / name).open("xb") as stream:
            stream.truncate(size_bytes)
        return self.place / name
