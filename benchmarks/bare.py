"""The alternative to the builder: the same toolchain, sources and options, and nothing else."""

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkout import Checkout, copy_path, executable_step
from benchmarks.setting import cores_of
from builder.app.session import Session, Settings
from builder.core.errors import BuilderError
from builder.gobuild.build import GoBuild
from builder.gobuild.command import target_environment
from builder.gobuild.patches import PATCHED_DIRECTORY
from builder.plan.compose import Target
from builder.plan.toolchains import go_step
from builder.toolchain.network import network_environment

_LAST_LINES = 10
# How the Go command begins what it says about modules; all other lines of `go build -v` name compiled packages.
_ABOUT_MODULES = "go: "


@dataclass(frozen=True, slots=True, kw_only=True)
class BareRun:
    """A `go build` that ended well. `load_s` passed until the first package was compiled: modules, and the graph."""

    duration_s: float
    load_s: float
    executable: Path

    @property
    def compile_s(self) -> float:
        """Compiling and linking alone."""
        return self.duration_s - self.load_s


@dataclass(frozen=True, slots=True, kw_only=True)
class BareGo:
    """`go build` of `build` in `source`, with its caches, temporary files and result below `place`."""

    goroot: Path
    source: Path
    place: Path
    module_cache: Path
    build: GoBuild
    environment: Mapping[str, str]

    @property
    def build_cache(self) -> Path:
        """GOCACHE."""
        return self.place / "gocache"

    def run(self) -> BareRun:
        """Build; the time is that of the command alone."""
        executable = self.place / "out" / self.build.name
        temporary = copy_path(self.place / "tmp", "_").parent
        argv = [str(self.goroot / "bin" / "go"), "build", *self.build.options(executable), self.build.package]
        began_s = time.perf_counter()
        load_s = 0.0
        last: list[str] = []
        with subprocess.Popen(
            argv,
            cwd=self.source,
            env={**self._environment(), "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            for line in process.stderr or ():
                if not load_s and not line.startswith(_ABOUT_MODULES):
                    load_s = time.perf_counter() - began_s
                last = [*last[1 - _LAST_LINES :], line.rstrip()]
        duration_s = time.perf_counter() - began_s
        if process.returncode != 0:
            raise BuilderError("the bare go build failed", details=last)
        return BareRun(duration_s=duration_s, load_s=load_s, executable=executable)

    def _environment(self) -> dict[str, str]:
        """Places, the target and the user's network; no tuning."""
        return {
            **self.environment,
            "CGO_ENABLED": "0",
            "GOCACHE": str(self.build_cache),
            "GOMODCACHE": str(self.module_cache),
            "GOPATH": str(self.place / "gopath"),
            "GOTOOLCHAIN": "local",
            **target_environment(self.build.arch),
        }


def bare_go(checkout: Checkout, target: Target, place: Path, *, module_cache: Path | None = None) -> BareGo:
    """What builds the same as the executable's step of `target`, with the sources of `checkout`, caches below `place`."""
    step = executable_step(target)
    wanted = step.input
    source = place / "source"
    for name, file in step.sources.items():
        shutil.copyfile(file.path, copy_path(source, name))
    workspace = checkout.workspace()
    with Session(checkout.project, Settings()) as session:
        goroot = session.obtain(go_step(workspace.lock, workspace.inputs.host))
        if "patched" in step.needs:
            patched = session.obtain(step.needs["patched"])
            shutil.copytree(patched / PATCHED_DIRECTORY, source / PATCHED_DIRECTORY, copy_function=shutil.copyfile)
            shutil.copyfile(patched / "go.mod", source / "go.mod")
    return BareGo(
        goroot=goroot,
        source=source,
        place=place,
        module_cache=module_cache or place / "gomodcache",
        build=GoBuild(
            name=wanted.name,
            arch=wanted.arch,
            package=wanted.package,
            tags=wanted.tags,
            variables=wanted.variables,
            cores=cores_of(step.resources.cores),
        ),
        environment=network_environment(checkout.project.environment),
    )
