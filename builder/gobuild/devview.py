"""Patched modules for people: a go.mod beside the real one, with which the Go command sees them as builds do."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builder.core.digest import Digest
from builder.gobuild.command import Go
from builder.gobuild.patches import PATCHED_DIRECTORY, ModulePatch, ModulePatcher
from builder.io.files import atomic_write, remove_tree

# Of what a view holds; raised when the patcher makes something else of the same patches.
_VERSION = 1
# Commands that change go.mod, or that no go.mod matters to: they work on the real one. So does `go tool`: analysers run the
# Go command outside of any module too, where it refuses the option.
_WITHOUT_VIEW = frozenset(
    {"bug", "clean", "doc", "env", "fmt", "get", "help", "mod", "telemetry", "tool", "version", "work"}
)


@dataclass(frozen=True, kw_only=True)
class PatchedView:
    """A view of the module in `module_directory` with `patches`, kept below the cache directory `place` by its content."""

    module_directory: Path
    patches: Sequence[ModulePatch]
    place: Path

    @cached_property
    def directory(self) -> Path:
        """Where the view lies once it is made: go.mod, go.sum, and the patched modules."""
        pins = [str(Digest.of_file(self.module_directory / name)) for name in ("go.mod", "go.sum")]
        content = [[patch.module, str(Digest.of_file(patch.file))] for patch in self.patches]
        return self.place / Digest.of_json([_VERSION, pins, content]).hex

    @property
    def modfile(self) -> Path:
        """What the Go command's option `-modfile` takes."""
        return self.directory / "go.mod"

    def make(self, go: Go, *, environment: Mapping[str, str], stall_s: float) -> None:
        """Make the view; what is patched is fetched where the module cache misses it (see `ModuleFetcher`)."""
        modules = go.module_cache / "cache" / "download"
        patcher = ModulePatcher(go=go, module_directory=self.module_directory, modules=modules)
        temporary = self.place / f".{self.directory.name}.{secrets.token_hex(4)}.tmp"
        temporary.mkdir(parents=True)
        try:
            missing = [name for name, archive in patcher.archives(self.patches).items() if not archive.exists()]
            if missing:
                arguments = ("mod", "download", *missing)
                go.runner.run(
                    go.network_command(*arguments, cwd=self.module_directory, user=environment, stall_s=stall_s)
                )
            patcher.run(self.patches, temporary)
            self._point(go, temporary)
            if not self.directory.exists():  # another process may have been faster
                temporary.rename(self.directory)
        finally:
            if temporary.exists():
                remove_tree(temporary)

    def _point(self, go: Go, temporary: Path) -> None:
        """Name the patched modules by where they will lie: paths in a `-modfile` start at the real go.mod otherwise."""
        modules = sorted({patch.module for patch in self.patches})
        edits = [f"-replace={module}={self.directory / PATCHED_DIRECTORY / module}" for module in modules]
        go.runner.run(go.command("mod", "edit", *edits, cwd=temporary))
        atomic_write(temporary / "go.sum", (self.module_directory / "go.sum").read_bytes())


def sees_patches(arguments: Sequence[str], directory: Path, module_directory: Path) -> bool:
    """Whether `go ARGUMENTS` in `directory` works on the module in `module_directory` without changing its go.mod."""
    if not arguments or arguments[0] in _WITHOUT_VIEW:
        return False
    here = directory.resolve()
    root = next((place for place in (here, *here.parents) if (place / "go.mod").exists()), None)
    return root == module_directory.resolve()
