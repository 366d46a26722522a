"""Go modules out of a lock: fetched once, kept as a module proxy directory that a build can be served from."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import RecipeError
from builder.gobuild.command import Go
from builder.toolchain.download import download_modules
from builder.trust.verify import verify_sum

# Arguments per `go mod download`: far below the kernel's limit for a command line, enough to fetch in parallel.
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ModuleSum:
    """One line of go.sum: the sum of a module's archive, or of its go.mod alone."""

    path: str
    version: str
    go_mod_only: bool
    h1: str

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"

    @property
    def proxy_stem(self) -> Path:
        """Where a module proxy serves it, without the suffix (https://go.dev/ref/mod#goproxy-protocol)."""
        return Path(_escaped(self.path)) / "@v" / _escaped(self.version)


def parse_go_sum(text: str) -> tuple[ModuleSum, ...]:
    """All lines of a go.sum, in their order."""
    sums = []
    for number, line in enumerate(text.splitlines(), start=1):
        match line.split():
            case [path, version, h1] if h1.startswith("h1:"):
                archive = version.removesuffix("/go.mod")
                sums.append(ModuleSum(path=path, version=archive, go_mod_only=archive != version, h1=h1))
            case _:
                raise RecipeError(f"go.sum:{number}: expected 'module version h1:sum'", details=[line])
    return tuple(sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFetcher:
    """Fetches what a go.sum names. `environment` is the user's network environment and may hold passwords."""

    go: Go
    environment: Mapping[str, str]
    stall_s: float
    progress: Callable[[int, int], None]

    def fetch(self, module_directory: Path, output: Path) -> None:
        """Fill `output` with a proxy directory of every module that `module_directory`'s go.sum names."""
        sums = parse_go_sum((module_directory / "go.sum").read_text())
        archives = sorted(item for item in sums if not item.go_mod_only)
        for start in range(0, len(archives), _BATCH):
            self.progress(start, len(archives))
            self._download(archives[start : start + _BATCH], module_directory)
        self.progress(len(archives), len(archives))
        _serve(sums, self.go.module_cache / "cache" / "download", output)

    def _download(self, wanted: Sequence[ModuleSum], module_directory: Path) -> None:
        command = self.go.network_command(
            "mod", "download", "-json", *map(str, wanted),
            cwd=module_directory, user=self.environment, stall_s=self.stall_s,
        )  # fmt: skip
        pinned = {str(item): item.h1 for item in wanted}
        for module in download_modules(self.go.runner, command):
            name = f"{module['Path']}@{module['Version']}"
            verify_sum(str(module["Sum"]), pinned.get(name, "nothing"), what=f"module {name}")


def _serve(sums: Iterable[ModuleSum], downloads: Path, proxy: Path) -> None:
    """Copy the files of every module in `sums` below `proxy`; copies, because damage to Go's cache must not reach them."""
    for item in sums:
        suffixes = (".mod",) if item.go_mod_only else (".zip", ".mod", ".info")
        for suffix in suffixes:
            source = downloads / f"{item.proxy_stem}{suffix}"
            target = proxy / f"{item.proxy_stem}{suffix}"
            if source.exists() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def _escaped(text: str) -> str:
    """Module proxies write an upper-case letter as `!` and its lower case, for file systems that ignore case."""
    return "".join(f"!{letter.lower()}" if letter.isupper() else letter for letter in text)
