"""Resolving Go modules: from the versions that a recipe asks for to a complete go.mod and go.sum."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.formats.gomod import read_requirements
from builder.formats.json_stream import json_stream
from builder.gobuild.command import Go
from builder.io.spawn import Command

_VERSION = re.compile(r"v(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A module at the version that a recipe asks for.

    `staging`: the module's own go.mod replaces sibling modules by directories of its repository, as Kubernetes does; they
    are published at v0.MINOR.PATCH and have to be required at exactly that.
    """

    module: str
    version: str
    staging: bool = False

    def __str__(self) -> str:
        return f"{self.module}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleResolver:
    """Resolves in a copy of a module's source. `environment` is the user's network environment; it may hold passwords."""

    go: Go
    environment: Mapping[str, str]
    stall_s: float

    def unavailable(self, requirements: Sequence[Requirement], directory: Path) -> dict[str, str]:
        """Those of `requirements` (`module@version`) that no proxy has, with the proxy's words."""
        answer = self._capture("list", "-m", "-e", "-json=Path,Version,Error", *map(str, requirements), cwd=directory)
        modules = list(json_stream(answer))
        return {
            str(asked): one["Error"]["Err"] for asked, one in zip(requirements, modules, strict=True) if "Error" in one
        }

    def resolve(self, requirements: Sequence[Requirement], directory: Path) -> bool:
        """Make the go.mod and go.sum in `directory` satisfy `requirements`; whether that needed a change."""
        files = (directory / "go.mod", directory / "go.sum")
        before = [file.read_bytes() for file in files]
        required = read_requirements(files[0])
        edits = [f"-require={item}" for item in requirements if required.get(item.module) != item.version]
        for item in requirements:
            if item.staging:
                edits.extend(self._staging_edits(item, directory))
        if not edits:
            return False
        self.go.runner.run(self.go.command("mod", "edit", *edits, cwd=directory))
        self.go.runner.run(self._command("mod", "tidy", cwd=directory))
        return before != [file.read_bytes() for file in files]

    def _staging_edits(self, requirement: Requirement, directory: Path) -> Iterable[str]:
        own = json.loads(self._capture("mod", "edit", "-json", cwd=directory))
        replaced = {one["Old"]["Path"]: one["New"].get("Version") for one in own.get("Replace") or ()}
        version = staging_version(requirement.version)
        for module in self._staging_modules(requirement, directory):
            if replaced.get(module) != version:
                yield f"-replace={module}={module}@{version}"

    def _staging_modules(self, requirement: Requirement, directory: Path) -> Iterable[str]:
        downloaded = json.loads(self._capture("mod", "download", "-json", str(requirement), cwd=directory))
        its_go_mod = json.loads(self._capture("mod", "edit", "-json", downloaded["GoMod"], cwd=directory))
        return (one["Old"]["Path"] for one in its_go_mod.get("Replace") or () if one["New"]["Path"].startswith("./"))

    def _command(self, *arguments: str, cwd: Path) -> Command:
        return self.go.network_command(*arguments, cwd=cwd, user=self.environment, stall_s=self.stall_s)

    def _capture(self, *arguments: str, cwd: Path) -> str:
        return self.go.runner.capture(self._command(*arguments, cwd=cwd))


def staging_version(version: str) -> str:
    """The version of Kubernetes' staging modules that belongs to Kubernetes `version`: v1.37.2 -> v0.37.2."""
    return _VERSION.sub(r"v0.\g<minor>.\g<patch>", version)
