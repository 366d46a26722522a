"""The kinds of steps that work on Go modules.

Plans know of them without importing what they work with.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.io.growth import file_lines, watch_growth
from builder.steps.context import StepContext
from builder.steps.kinds.common import go_of, online, require_static, snapshot, watched_download, zig_of
from builder.steps.step import StepKind
from builder.toolchain.network import network_hints

if TYPE_CHECKING:
    from builder.gobuild.cgo import Cgo

# What pins the modules.
PINS = ("go.mod", "go.sum")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulesInput:
    """The modules that the sources `go.mod` and `go.sum` name; nothing else shapes the result."""


def _fetch_modules(_: ModulesInput, context: StepContext) -> None:
    from builder.gobuild.modules import ModuleFetcher

    module_directory = snapshot(context, only=PINS)
    fetcher = ModuleFetcher(
        go=go_of(context),
        environment=online(context, "what go.sum names"),
        stall_s=context.network.stall_s,
        progress=lambda done, total: context.progress("modules", done, total, "modules"),
    )
    downloads = context.caches.go_modules / "cache" / "download"
    with network_hints(), watched_download(context, downloads):
        fetcher.fetch(module_directory, context.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchesInput:
    """For every patch, in the order in which they are applied: the module, and the name of the source that is the diff."""

    patches: tuple[tuple[str, str], ...]


def _patch_modules(wanted: PatchesInput, context: StepContext) -> None:
    from builder.gobuild.patches import ModulePatch, ModulePatcher

    module_directory = snapshot(context)
    patcher = ModulePatcher(go=go_of(context), module_directory=module_directory, modules=context.needs["modules"])
    patches = [
        ModulePatch(module=module, file=module_directory / name, shown=str(context.sources[name].path))
        for module, name in wanted.patches
    ]
    patcher.run(patches, context.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutableInput:
    """An executable of the Go module in the step's sources; fields as in `gobuild.build.GoBuild`.

    `go_version` is what the lock names. With `libraries`, each of them needed as `library.NAME`, its C parts are compiled too.
    """

    name: str
    arch: Arch
    go_version: str
    package: str
    tags: tuple[str, ...]
    variables: Mapping[str, str]
    libraries: tuple[str, ...] = ()


def _build_executable(wanted: ExecutableInput, context: StepContext) -> None:
    from builder.audit.locked import locked_build, locked_settings, require_locked
    from builder.gobuild.build import GoBuild
    from builder.gobuild.patches import apply_to_snapshot

    build = GoBuild(
        name=wanted.name,
        arch=wanted.arch,
        package=wanted.package,
        tags=wanted.tags,
        variables=wanted.variables,
        cores=context.cores,
        cgo=_cgo(wanted, context),
    )
    module_directory = snapshot(context)
    if patched := context.needs.get("patched"):
        apply_to_snapshot(patched, module_directory)
    # The Go command writes the name of every package that it compiles, a line each.
    with watch_growth(
        lambda: file_lines(context.runner.log), lambda lines: context.progress("compiled", lines, None, "packages")
    ):
        executable = build.run(
            go_of(context), module_directory=module_directory, modules=context.needs["modules"], output=context.output
        )
    require_static(context, executable, wanted.arch, name=wanted.name)
    locked = locked_build(
        go_version=wanted.go_version,
        package=wanted.package,
        module_directory=module_directory,
        settings=locked_settings(wanted.arch, tags=wanted.tags, cgo=bool(wanted.libraries)),
    )
    require_locked(executable, locked, name=wanted.name)


def _cgo(wanted: ExecutableInput, context: StepContext) -> "Cgo | None":
    from builder.gobuild.cgo import Cgo

    if not wanted.libraries:
        return None
    prefix = context.scratch / "libraries"
    for name in wanted.libraries:
        shutil.copytree(context.needs[f"library.{name}"], prefix, dirs_exist_ok=True, copy_function=shutil.copyfile)
    return Cgo(zig=zig_of(context), prefix=prefix, libraries=wanted.libraries)


GO_MODULES = StepKind(name="go-modules", version=1, run=_fetch_modules, downloads=True)
PATCHED_MODULES = StepKind(name="patched-modules", version=1, run=_patch_modules)
EXECUTABLE = StepKind(name="executable", version=2, run=_build_executable)
