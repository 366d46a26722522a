"""What several kinds of steps do alike."""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.growth import directory_bytes, watch_growth
from builder.steps.context import StepContext
from builder.steps.source import SourceFile

if TYPE_CHECKING:
    from builder.gobuild.command import Go
    from builder.toolchain.zig import Zig


def go_of(context: StepContext) -> "Go":
    """The Go toolchain that the step needs as `go`."""
    from builder.gobuild.command import Go

    return Go(
        goroot=context.needs["go"],
        build_cache=context.caches.go_build,
        module_cache=context.caches.go_modules,
        scratch=context.scratch,
        runner=context.runner,
    )


def zig_of(context: StepContext) -> "Zig":
    """The C toolchain that the step needs as `zig`."""
    from builder.toolchain.zig import Zig

    return Zig(wheel_tree=context.needs["zig"], cache=context.caches.zig, runner=context.runner)


def watched_download(context: StepContext, directory: Path) -> AbstractContextManager[None]:
    """Reports what `directory` grows by as a download of unknown size."""
    return watch_growth(
        lambda: directory_bytes(directory), lambda size_bytes: context.progress("download", size_bytes, None, "bytes")
    )


def online(context: StepContext, what: str) -> Mapping[str, str]:
    """The user's network environment, or an error that says what would have been fetched."""
    if context.network.offline:
        raise BuilderError(
            f"--offline forbids to fetch {what}, and the cache does not have it",
            hint="run the same command once without --offline",
        )
    return context.network.environment


def snapshot(context: StepContext, only: Iterable[str] | None = None) -> Path:
    """Copy the step's sources into its scratch directory, so that what is built is what its key was made from."""
    directory = context.scratch / "source"
    for name, source in context.sources.items():
        if only is None or name in only:
            copy_source(source, directory / name)
    return directory


def copy_source(source: SourceFile, target: Path) -> None:
    """Copy one source; `BuilderError` where it is not what was planned with."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.path, target)
    if Digest.of_file(target) != source.digest:
        raise BuilderError(f"{source.path} changed while it was being built", hint="run the same command again")
    target.chmod(0o755 if source.executable else 0o644)


def require_static(context: StepContext, executable: Path, arch: Arch, *, name: str) -> None:
    """Raise where `executable`, made by this step and told as `name`, is not fit for a device of `arch`."""
    from builder.audit.executable import audit_executable, require_sound
    from builder.audit.hostpaths import searchable
    from builder.audit.rules import Rules

    rules = Rules(arch=arch, host_paths=searchable(context.places()))
    require_sound([audit_executable(executable, rules, name=name)])
