"""Debian's minisign."""

from dataclasses import dataclass
from pathlib import Path

from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree

# What secures keys that are made with a password.
WORDS = "correct horse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minisign:
    """Debian's minisign, with a pair of keys in `directory`."""

    tree: ToolsTree
    runner: Runner
    directory: Path

    @property
    def secret(self) -> Path:
        return self.directory / "minisign.key"

    @property
    def public(self) -> Path:
        return self.directory / "minisign.pub"

    def run(self, *arguments: str | Path) -> str:
        stdin = self.directory / "stdin"
        stdin.write_text(f"{WORDS}\n{WORDS}\n")
        return self.runner.capture(self.tree.command("minisign", *arguments, stdin=stdin))

    def make_keys(self, *options: str) -> None:
        self.run("-G", *options, "-p", self.public, "-s", self.secret)

    def sign(self, file: Path) -> None:
        self.run("-S", "-s", self.secret, "-m", file)

    def verify(self, file: Path) -> str:
        return self.run("-V", "-p", self.public, "-m", file)
