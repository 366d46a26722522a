"""The Go command with an environment that nothing of the user's machine reaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.arch import ARCH_FACTS, Arch
from builder.io.spawn import Command, Runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A Go toolchain at work: its root, the two caches that Go itself keeps, and a scratch directory."""

    goroot: Path
    build_cache: Path
    module_cache: Path
    scratch: Path
    runner: Runner

    def environment(self) -> dict[str, str]:
        """Everything that Go reads of its environment, fixed: no user settings, no workspace, no C, no host network.

        GOSUMDB is off because go.sum, which is part of the lock, names every sum already.
        """
        return {
            "CGO_ENABLED": "0",
            "GOCACHE": str(self.build_cache),
            "GOENV": "off",
            "GOFLAGS": "",
            "GOMODCACHE": str(self.module_cache),
            "GOPATH": str(self.scratch / "gopath"),
            "GOPROXY": "off",
            "GOROOT": str(self.goroot),
            "GOSUMDB": "off",
            "GOTELEMETRY": "off",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "TMPDIR": str(self.scratch),
        }

    def command(self, *arguments: str, cwd: Path, extra: Mapping[str, str] | None = None) -> Command:
        """`go ARGUMENTS` without a network; `extra` adds to the environment or overrides it."""
        return Command(argv=(self._executable, *arguments), env={**self.environment(), **(extra or {})}, cwd=cwd)

    def network_command(self, *arguments: str, cwd: Path, user: Mapping[str, str], stall_s: float) -> Command:
        """`go ARGUMENTS` that may fetch modules, from where the user's environment `user` (or Go's default) says."""
        fixed = self.environment()
        for name in ("GOENV", "GOPROXY", "GOSUMDB"):
            del fixed[name]
        return Command(
            argv=(self._executable, *arguments),
            env={**fixed, **user},
            cwd=cwd,
            stall_s=stall_s,
            secret_env=frozenset(user),
        )

    @property
    def _executable(self) -> str:
        return str(self.goroot / "bin" / "go")


def target_environment(arch: Arch) -> dict[str, str]:
    """The part of Go's environment that names the target; the lowest feature level of each architecture."""
    facts = ARCH_FACTS[arch]
    levels = {"GOARM": facts.goarm} if facts.goarm else {}
    return {"GOOS": "linux", "GOARCH": facts.goarch, "GOAMD64": "v1", "GOARM64": "v8.0", **levels}
