"""The patches that kedge is built with do what they say: upstream's code behaves differently with and without."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.gobuild.command import Go
from builder.gobuild.devview import PatchedView
from builder.gobuild.patches import ModulePatch
from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.integration.app.checkout import REPOSITORY

KONNECTIVITY = "sigs.k8s.io/apiserver-network-proxy"
DRAIN = REPOSITORY / "cluster/patches/konnectivity-agent-drain.patch"


def go_test(patch: Path, place: Path, goroot: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`go test ARGUMENTS` in the cluster's module, with konnectivity changed by `patch`; modules of this user's cache."""
    project = find_project(os.environ)
    (place / "scratch").mkdir(exist_ok=True)
    change = ModulePatch(module=KONNECTIVITY, file=patch, shown=patch.name)
    view = PatchedView(module_directory=REPOSITORY / "cluster", patches=[change], place=place / "views")
    with Leash() as leash:
        go = Go(
            goroot=goroot,
            build_cache=project.caches.go_build,
            module_cache=project.caches.go_modules,
            scratch=place / "scratch",
            runner=Runner(log=place / "log", leash=leash),
        )
        view.make(go, environment=os.environ, stall_s=120.0)
        options = [f"-modfile={view.modfile}", "-mod=readonly", "-trimpath", "-vet=off", "-count=1", "-v"]
        environment = {**os.environ, **go.environment(), "GOPROXY": os.environ.get("GOPROXY", ""), "GOFLAGS": ""}
        argv = [str(goroot / "bin/go"), "test", *options, *arguments]
        return subprocess.run(
            argv, cwd=REPOSITORY / "cluster", env=environment, capture_output=True, text=True, check=False
        )


@pytest.mark.network
@pytest.mark.slow
def test_an_agent_without_traffic_announces_its_drain(place: Path, downloaded: dict[str, Path]) -> None:
    goroot = downloaded["toolchain/go"] / "output"
    tests = ("-run", "^TestDrain", f"{KONNECTIVITY}/pkg/agent")
    patched = go_test(DRAIN, place, goroot, *tests)
    assert "--- PASS: TestDrainWhileIdle" in patched.stdout, patched.stdout + patched.stderr
    assert patched.returncode == 0
    # The part of the patch that adds the test, without the part that makes it pass.
    start = re.search(r"^--- a/pkg/agent/client_test\.go$", DRAIN.read_text(), re.MULTILINE)
    assert start
    (place / "test.patch").write_text(DRAIN.read_text()[start.start() :])
    without = go_test(place / "test.patch", place, goroot, *tests)
    assert "--- FAIL: TestDrainWhileIdle" in without.stdout, without.stdout + without.stderr
    assert "--- PASS: TestDrain " in without.stdout
