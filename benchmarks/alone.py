"""Each component as an executable of its own: the same packages, modules, tags and variables as in kedge, and no others."""

import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks.bare import BareGo
from benchmarks.checkout import copy_path
from builder.core.errors import BuilderError
from builder.gobuild.command import target_environment

# kedge's package of a component is named like the component, without hyphens.
_MAIN = """\
package main

import (
	"os"

	component "kedge/internal/components/{package}"
)

func main() {{
	os.Exit(component.Program().Main(os.Args))
}}
"""
# Started as kedge is, with the component as first argument; the process becomes the component's.
_LAUNCHER = """\
#!/bin/sh
name=$1
shift
exec "${0%/*}/$name" "$@"
"""


def build_alone(bare: BareGo, components: Iterable[str], place: Path, build_cache: Path) -> Path:
    """Build `components` into the directory `place`; a script there starts them as `SCRIPT COMPONENT ARGUMENTS`."""
    for name in components:
        package = f"cmd/alone-{name}"
        main = copy_path(bare.source, f"{package}/main.go")
        main.write_text(_MAIN.format(package=name.replace("-", "")))
        _build(replace(bare, build=replace(bare.build, name=name, package=f"./{package}")), place / name, build_cache)
    launcher = copy_path(place, "alone")
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)
    return launcher


def _build(bare: BareGo, executable: Path, build_cache: Path) -> None:
    environment = {
        **bare.environment,
        "CGO_ENABLED": "0",
        "GOCACHE": str(build_cache),
        "GOMODCACHE": str(bare.module_cache),
        "GOPATH": str(bare.place / "gopath"),
        "GOTOOLCHAIN": "local",
        **target_environment(bare.build.arch),
    }
    argv = [str(bare.goroot / "bin" / "go"), "build", *bare.build.options(executable), bare.build.package]
    done = subprocess.run(argv, cwd=bare.source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuilderError(f"building {bare.build.name} alone failed", details=done.stderr.splitlines()[-10:])
