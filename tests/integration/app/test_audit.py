"""The audit of executables against what real compilers make."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.audit.executable import audit_executable
from builder.audit.hostpaths import searchable
from builder.audit.rules import Audit, Check, ClosedSet, Rules
from builder.core.arch import ARCH_FACTS, Arch
from builder.formats.goinfo import read_go_info
from builder.gobuild.command import target_environment
from tests.integration.app.checkout import REPOSITORY
from tests.integration.app.test_zig import HELLO, zig

GO = 'package main\n\nvar where = ""\n\nfunc main() { println(where) }\n'
STRIPPED = "-s -w"


@pytest.fixture
def module(place: Path) -> Path:
    (place / "go.mod").write_text("module hello\n\ngo 1.26\n")
    (place / "main.go").write_text(GO)
    return place


def build(module: Path, goroot: Path, cache: Path, arch: Arch, ldflags: str = STRIPPED, **changes: str) -> Path:
    environment = {
        **target_environment(arch), "CGO_ENABLED": "0", "GOCACHE": str(cache), "GOENV": "off", "GOFLAGS": "-trimpath",
        "GOPATH": str(module / "gopath"), "GOPROXY": "off", "GOROOT": str(goroot), "GOTOOLCHAIN": "local", **changes,
    }  # fmt: skip
    argv = [str(goroot / "bin/go"), "build", f"-ldflags={ldflags}", "-o", "hello", "."]
    subprocess.run(argv, cwd=module, env=environment, check=True)
    return module / "hello"


def judged(path: Path, arch: Arch, *host_paths: Path) -> Audit:
    return audit_executable(path, Rules(arch=arch, host_paths=searchable(host_paths)))


def checks(audit: Audit) -> set[Check]:
    return {finding.check for finding in audit.findings}


@pytest.mark.parametrize("arch", [Arch.ARMV7, Arch.AMD64])
def test_what_go_makes(module: Path, downloaded: dict[str, Path], go_builds: Path, arch: Arch) -> None:
    goroot = downloaded["toolchain/go"] / "output"
    sound = build(module, goroot, go_builds, arch)
    assert judged(sound, arch, module, REPOSITORY) == Audit(name="hello", checked=tuple(Check), findings=())
    info = read_go_info(sound)
    assert info is not None
    assert (info.package, info.settings["GOARCH"]) == ("hello", ARCH_FACTS[arch].goarch)
    other = Arch.AMD64 if arch is Arch.ARMV7 else Arch.ARMV7
    assert Check.ARCHITECTURE in checks(judged(sound, other))
    told = judged(build(module, goroot, go_builds, arch, f"-s -w -X main.where={REPOSITORY}/x"), arch, REPOSITORY)
    assert checks(told) == {Check.HOST_PATHS}
    assert checks(judged(build(module, goroot, go_builds, arch, "", GOFLAGS=""), arch, module)) == {
        Check.STRIPPED,
        Check.HOST_PATHS,
    }


@pytest.mark.slow
def test_go_for_soft_float_and_for_64_bits(module: Path, downloaded: dict[str, Path], go_builds: Path) -> None:
    """The standard library is compiled for each of them."""
    goroot = downloaded["toolchain/go"] / "output"
    soft = build(module, goroot, go_builds, Arch.ARMV7, GOARM="5")
    assert [finding.what for finding in judged(soft, Arch.ARMV7).findings] == [
        "soft-float, by Go's build information: GOARM=5"
    ]
    assert not judged(build(module, goroot, go_builds, Arch.ARM64), Arch.ARM64, module).findings


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("arch", list(Arch))
def test_what_zig_makes(tmp_path: Path, arch: Arch) -> None:
    source, program = tmp_path / "hello.c", tmp_path / "hello"
    source.write_text(HELLO)
    target = ARCH_FACTS[arch].zig

    def made(*options: str) -> Audit:
        zig("cc", *options, "-o", str(program), str(source))
        return judged(program, arch, tmp_path)

    assert not made("-target", target, "-static", "-s").findings
    assert checks(made("-target", target, "-static", "-g")) == {Check.STRIPPED, Check.HOST_PATHS}
    dynamic = made("-target", target.replace("musl", "gnu"), "-s", "-Wl,-rpath,/opt/lib")
    assert checks(dynamic) == {Check.LINKAGE, Check.SEARCH_PATH}
    assert any("libc.so.6" in finding.what for finding in dynamic.findings)
    if arch is Arch.ARMV7:
        assert checks(made("-target", "arm-linux-musleabi", "-static", "-s")) == {Check.FLOAT_ABI}


def test_an_executable_of_this_machine_with_its_libraries() -> None:
    """Python itself: dynamic, so no static executable, and complete only together with its libraries."""
    python = Path(sys.executable).resolve()
    arch = next(arch for arch, facts in ARCH_FACTS.items() if facts.machine == os.uname().machine)
    assert Check.LINKAGE in checks(judged(python, arch))
    alone = Rules(arch=arch, closed_set=ClosedSet(directory=python.parent))
    assert any("not in its closed set" in finding.what for finding in audit_executable(python, alone).findings)
