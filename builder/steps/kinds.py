"""The kinds of steps: thin functions that connect a typed input and a step's context to the engines below."""

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.gobuild.build import GoBuild
from builder.gobuild.command import Go
from builder.gobuild.modules import ModuleFetcher
from builder.io.growth import directory_bytes, file_lines, watch_growth
from builder.steps.context import StepContext
from builder.steps.source import SourceFile
from builder.steps.step import StepKind
from builder.toolchain.go import GoRelease, ToolchainFetcher, bootstrap_root
from builder.toolchain.network import network_hints
from builder.toolchain.wheels import Pip, Wheel, unpack_wheel


def _fetch_wheel(wheel: Wheel, context: StepContext) -> None:
    pip = Pip(
        runner=context.runner,
        environment=_online(context, str(wheel)),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )
    with network_hints(), _watched_download(context, context.scratch):
        archive = pip.fetch(wheel)
    unpack_wheel(archive, context.output)


def _fetch_go(release: GoRelease, context: StepContext) -> None:
    fetcher = ToolchainFetcher(
        goroot=bootstrap_root(context.needs["bootstrap"]),
        runner=context.runner,
        environment=_online(context, release.module),
        stall_s=context.network.stall_s,
        scratch=context.scratch,
    )
    with network_hints(), _watched_download(context, context.scratch / "modules" / "cache"):
        fetcher.fetch(release, context.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulesInput:
    """The modules that the sources `go.mod` and `go.sum` name; nothing else shapes the result."""


def _fetch_modules(_: ModulesInput, context: StepContext) -> None:
    module_directory = _snapshot(context, only=("go.mod", "go.sum"))
    fetcher = ModuleFetcher(
        go=_go(context),
        environment=_online(context, "what go.sum names"),
        stall_s=context.network.stall_s,
        progress=lambda done, total: context.progress("modules", done, total, "modules"),
    )
    downloads = context.caches.go_modules / "cache" / "download"
    with network_hints(), _watched_download(context, downloads):
        fetcher.fetch(module_directory, context.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutableInput:
    """An executable of the Go module in the step's sources; fields as in `gobuild.build.GoBuild`."""

    name: str
    arch: Arch
    package: str
    tags: tuple[str, ...]
    variables: Mapping[str, str]


def _build_executable(wanted: ExecutableInput, context: StepContext) -> None:
    build = GoBuild(
        name=wanted.name,
        arch=wanted.arch,
        package=wanted.package,
        tags=wanted.tags,
        variables=wanted.variables,
        cores=context.cores,
    )
    module_directory = _snapshot(context)
    # The Go command writes the name of every package that it compiles, a line each.
    with watch_growth(
        lambda: file_lines(context.runner.log), lambda lines: context.progress("compiled", lines, None, "packages")
    ):
        build.run(
            _go(context), module_directory=module_directory, modules=context.needs["modules"], output=context.output
        )


WHEEL = StepKind(name="wheel", version=1, run=_fetch_wheel, downloads=True)
GO_TOOLCHAIN = StepKind(name="go-toolchain", version=1, run=_fetch_go, downloads=True)
GO_MODULES = StepKind(name="go-modules", version=1, run=_fetch_modules, downloads=True)
EXECUTABLE = StepKind(name="executable", version=1, run=_build_executable)


def _go(context: StepContext) -> Go:
    return Go(
        goroot=context.needs["go"],
        build_cache=context.caches.go_build,
        module_cache=context.caches.go_modules,
        scratch=context.scratch,
        runner=context.runner,
    )


def _watched_download(context: StepContext, directory: Path) -> AbstractContextManager[None]:
    """Reports what `directory` grows by as a download of unknown size."""
    return watch_growth(
        lambda: directory_bytes(directory), lambda size_bytes: context.progress("download", size_bytes, None, "bytes")
    )


def _online(context: StepContext, what: str) -> Mapping[str, str]:
    """The user's network environment, or an error that says what would have been fetched."""
    if context.network.offline:
        raise BuilderError(
            f"--offline forbids to fetch {what}, and the cache does not have it",
            hint="run the same command once without --offline",
        )
    return context.network.environment


def _snapshot(context: StepContext, only: tuple[str, ...] | None = None) -> Path:
    """Copy the step's sources into its scratch directory, so that what is built is what its key was made from."""
    directory = context.scratch / "source"
    for name, source in context.sources.items():
        if only is None or name in only:
            _copy_source(source, directory / name)
    return directory


def _copy_source(source: SourceFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.path, target)
    if Digest.of_file(target) != source.digest:
        raise BuilderError(f"{source.path} changed while it was being built", hint="run the same command again")
    target.chmod(0o755 if source.executable else 0o644)
