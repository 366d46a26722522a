"""The locked toolchains and tools as commands for people."""

from collections.abc import Sequence
from pathlib import Path

from builder.app.session import Session
from builder.app.workspace import Workspace
from builder.core.errors import RecipeError
from builder.gobuild.command import Go
from builder.gobuild.devview import PatchedView, sees_patches
from builder.gobuild.patches import ModulePatch
from builder.plan.toolchains import go_step, zig_step
from builder.plan.tools import tools_step
from builder.recipe.cluster import BuiltCluster
from builder.recipe.lockfile import LockedTools
from builder.toolchain.tree import ToolsTree
from builder.toolchain.zig import zig_environment, zig_executable


def tool_command(
    session: Session, workspace: Workspace, name: str, arguments: Sequence[str], *, directory: Path = Path()
) -> tuple[list[str], dict[str, str]]:
    """Argument list and environment that run `name` in `directory`: `go`, `zig`, or a program of the lock's trees of tools."""
    user = dict(session.project.environment)
    caches = session.project.caches
    host = workspace.inputs.host
    if name == "zig":
        executable = zig_executable(session.obtain(zig_step(workspace.lock, host)))
        return [str(executable), *arguments], {**user, **zig_environment(caches.zig)}
    if name != "go":
        return _of_a_tree(session, workspace, name, arguments)
    goroot = session.obtain(go_step(workspace.lock, host))
    fixed = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(caches.go_build),
        "GOFLAGS": " ".join(_go_flags(session, workspace, goroot, arguments, directory)),
        "GOMODCACHE": str(caches.go_modules),
        "GOROOT": str(goroot),
        "GOTOOLCHAIN": "local",
        "PATH": f"{goroot / 'bin'}:{user.get('PATH', '')}",
    }
    return [str(goroot / "bin" / "go"), *arguments], {**user, **fixed}


def _of_a_tree(
    session: Session, workspace: Workspace, name: str, arguments: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """The program `name` of the first tree that has it; small trees are looked at first, since they are made first."""
    lock, host = workspace.lock, workspace.inputs.host
    sets = lock.debian.tools.get(host, {}) if lock.debian else {}
    for one in sorted(sets, key=lambda one: (_size_bytes(sets[one]), one)):
        step = tools_step(lock, host, one, workspace.loaded.recipe.debian)
        tree = ToolsTree(root=session.obtain(step), arch=host)
        if tree.has(name):
            argv, settings = tree.start(name)
            return [*argv, *arguments], {**session.project.environment, **settings}
    raise RecipeError(
        f"there is no tool {name!r}",
        details=["toolchains: go, zig", f"trees of tools: {', '.join(sorted(sets)) or 'none'}"],
        hint="debian.tools.sets of the recipe says which packages are in which tree",
    )


def _size_bytes(tools: LockedTools) -> int:
    return sum(pin.size_bytes for pin in tools.packages)


def _go_flags(
    session: Session, workspace: Workspace, goroot: Path, arguments: Sequence[str], directory: Path
) -> list[str]:
    flags = ["-trimpath"]  # as builds do, so that both fill one cache
    cluster = workspace.loaded.recipe.cluster
    if isinstance(cluster, BuiltCluster) and cluster.patches and sees_patches(arguments, directory, cluster.source):
        shown = workspace.loaded.shown
        view = PatchedView(
            module_directory=cluster.source,
            patches=[ModulePatch(module=one.module, file=one.file, shown=shown(one.file)) for one in cluster.patches],
            place=session.project.caches.go_modules.parent / "patched",
        )
        if not view.directory.exists():
            _make(view, session, goroot)
        flags.append(f"'-modfile={view.modfile}'")
    return flags


def _make(view: PatchedView, session: Session, goroot: Path) -> None:
    caches = session.project.caches
    with session.bench("patches") as (runner, scratch):
        go = Go(
            goroot=goroot,
            build_cache=caches.go_build,
            module_cache=caches.go_modules,
            scratch=scratch,
            runner=runner,
        )
        view.make(go, environment=session.network.environment, stall_s=session.settings.stall_s)
