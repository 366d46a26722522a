"""The locked toolchains as commands for people."""

from collections.abc import Sequence

from builder.app.project import Workspace
from builder.app.session import Session
from builder.plan.toolchains import go_step, zig_step
from builder.toolchain.zig import zig_environment, zig_executable


def tool_command(
    session: Session, workspace: Workspace, name: str, arguments: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Argument list and environment that run the toolchain `name` (`go`, `zig`) of the workspace's lock."""
    user = dict(session.project.environment)
    caches = session.project.caches
    host = workspace.inputs.host
    if name == "zig":
        executable = zig_executable(session.obtain(zig_step(workspace.lock, host)))
        return [str(executable), *arguments], {**user, **zig_environment(caches.zig)}
    goroot = session.obtain(go_step(workspace.lock, host))
    fixed = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(caches.go_build),
        "GOFLAGS": "-trimpath",  # as builds do, so that both fill one cache
        "GOMODCACHE": str(caches.go_modules),
        "GOROOT": str(goroot),
        "GOTOOLCHAIN": "local",
        "PATH": f"{goroot / 'bin'}:{user.get('PATH', '')}",
    }
    return [str(goroot / "bin" / "go"), *arguments], {**user, **fixed}
