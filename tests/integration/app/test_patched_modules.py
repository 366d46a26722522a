"""A module that is patched before it is built: what comes out, the same everywhere, and what developers see of it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.audit.executable import audit_executable, require_sound
from builder.audit.hostpaths import searchable
from builder.audit.locked import LockedBuild, locked_build, locked_settings, require_locked
from builder.audit.rules import Rules
from builder.core.arch import Arch, host_arch
from builder.core.errors import VerificationError
from builder.gobuild.build import GoBuild
from builder.gobuild.command import Go
from builder.gobuild.patches import ModulePatch, ModulePatcher, apply_to_snapshot
from builder.io.files import remove_tree
from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.integration.app.checkout import Checkout, replace
from tests.integration.app.driver import Builder

MODULE = "example.org/greeting"
FIX = """\
greeting: be brief

--- a/greeting.go
+++ b/greeting.go
@@ -2,3 +2,3 @@
 package greeting

-func Text() string { return "hello" }
+func Text() string { return "hi" }
"""
TEST = """\
package main

import (
\t"testing"

\t"example.org/greeting"
)

func TestGreeting(t *testing.T) {
\tif got := greeting.Text(); got != "hi" {
\t\tt.Fatalf("greeting.Text() = %q", got)
\t}
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A place where the small cluster is built with a patch, by a Go command with caches of its own."""

    root: Path
    checkout: Checkout
    goroot: Path
    leash: Leash

    def go(self) -> Go:
        return Go(
            goroot=self.goroot,
            build_cache=self.root / "build-cache",
            module_cache=self.root / "module-cache",
            scratch=self.root / "scratch",
            runner=Runner(log=self.root / "log", leash=self.leash),
        )

    def build(self, arch: Arch, patch: str = FIX) -> Path:
        """The executable."""
        source = self.root / "source"
        shutil.copytree(self.checkout.cluster, source)
        for name in ("scratch", "patched", "output"):
            (self.root / name).mkdir()
        (self.root / "fix.patch").write_text(patch)
        change = ModulePatch(module=MODULE, file=self.root / "fix.patch", shown="fix.patch")
        patcher = ModulePatcher(go=self.go(), module_directory=source, modules=self.checkout.proxy)
        patcher.run([change], self.root / "patched")
        apply_to_snapshot(self.root / "patched", source)
        wanted = GoBuild(name="tiny", arch=arch, package="./cmd/tiny", tags=(), variables={}, cores=2)
        return wanted.run(self.go(), module_directory=source, modules=self.checkout.proxy, output=self.root / "output")

    def locked(self, go_version: str, arch: Arch) -> LockedBuild:
        return locked_build(
            go_version=go_version,
            package="./cmd/tiny",
            module_directory=self.root / "source",
            settings=locked_settings(arch),
        )


@pytest.fixture
def shops(place: Path, checkout: Checkout, downloaded: dict[str, Path], go_builds: Path) -> Iterator[list[Shop]]:
    """Two places; each has a copy of the compiled standard library, and nothing of the other."""
    with Leash() as leash:
        made = []
        for name in ("one", "an other ö"):
            # Links: Go adds files to its cache, and replaces those that it changes.
            shutil.copytree(go_builds, place / name / "build-cache", copy_function=os.link)
            goroot = downloaded["toolchain/go"] / "output"
            made.append(Shop(root=place / name, checkout=checkout, goroot=goroot, leash=leash))
        yield made
    for shop in made:
        remove_tree(shop.root / "module-cache")


@pytest.mark.parametrize("arch", [Arch.ARMV7, Arch.AMD64])
def test_a_patched_build_is_the_same_everywhere_and_says_what_it_is(
    shops: list[Shop], arch: Arch, place: Path, checkout: Checkout
) -> None:
    first, second = (shop.build(arch) for shop in shops)
    assert first.read_bytes() == second.read_bytes()
    version = checkout.read_lock()["go"]["version"]
    info = require_locked(first, shops[0].locked(version, arch), name="tiny")
    (greeting,) = info.dependencies
    assert str(greeting) == f"{MODULE}@v1.0.0"
    assert str(greeting.replacement) == f"./patched/{MODULE}@(devel)"
    require_sound([audit_executable(first, Rules(arch=arch, host_paths=searchable([place, Path.cwd()])))])
    if arch is host_arch():
        assert subprocess.run([first], capture_output=True, text=True, check=True).stdout.endswith("hi\n")


def test_a_build_without_the_patch_is_told_apart(shops: list[Shop], checkout: Checkout) -> None:
    patched = shops[0].build(Arch.AMD64)
    version = checkout.read_lock()["go"]["version"]
    unpatched = locked_build(
        go_version=version,
        package="./cmd/tiny",
        module_directory=checkout.cluster,
        settings=locked_settings(Arch.AMD64),
    )
    with pytest.raises(VerificationError) as caught:
        require_locked(patched, unpatched, name="tiny")
    assert caught.value.details == (
        f"module {MODULE}: replaced by ./patched/{MODULE}@(devel), which go.mod does not do",
    )


@pytest.fixture
def with_patch(checkout: Checkout) -> Path:
    """The checkout's recipe patches the greeting; the patch."""
    patch = checkout.cluster / "patches" / "greeting.patch"
    patch.parent.mkdir()
    patch.write_text(FIX)
    line = f"  patches:\n    - module: {MODULE}\n      file: ../../cluster/patches/greeting.patch\n"
    replace(checkout.cluster_recipe, "  variables:\n", f"{line}  variables:\n")
    return patch


@pytest.mark.usefixtures("with_patch")
def test_developers_see_the_patch_wherever_the_module_is_used(builder: Builder, checkout: Checkout) -> None:
    (checkout.cluster / "cmd/tiny/main_test.go").write_text(TEST)
    go_mod = (checkout.cluster / "go.mod").read_bytes()
    for command in (["vet", "./..."], ["test", "-vet=off", "./cmd/tiny"], ["build", "-o", "/dev/null", "./cmd/tiny"]):
        builder.good("tool", "-C", "cluster", "go", *command)
    assert builder.good("tool", "-C", "cluster", "go", "run", "./cmd/tiny").out.endswith("hi\n")
    builder.good("tool", "-C", "cluster/cmd/tiny", "go", "test", "-vet=off", ".")
    views = list((builder.cache / "go" / "patched").iterdir())
    assert len(views) == 1, "made once, nothing unfinished"
    builder.good("tool", "-C", "cluster", "go", "mod", "tidy")
    assert (checkout.cluster / "go.mod").read_bytes() == go_mod


def test_developers_see_the_patch_as_it_is_now(builder: Builder, checkout: Checkout, with_patch: Path) -> None:
    (checkout.cluster / "cmd/tiny/main_test.go").write_text(TEST)
    with_patch.write_text(FIX.replace('"hi"', '"good evening"'))
    failed = builder.run("tool", "-C", "cluster", "go", "test", "-vet=off", "./cmd/tiny")
    assert 'greeting.Text() = "good evening"' in failed.out
    with_patch.write_text(FIX)
    builder.good("tool", "-C", "cluster", "go", "test", "-vet=off", "./cmd/tiny")


def test_a_patch_that_does_not_fit_is_shown(builder: Builder, with_patch: Path) -> None:
    with_patch.write_text(FIX.replace('-func Text() string { return "hello" }', '-func Text() string { return "bye" }'))
    failed = builder.run("tool", "-C", "cluster", "go", "vet", "./...")
    assert failed.code == 2
    assert f"cluster/patches/greeting.patch:5: does not fit greeting.go:2 of {MODULE}@v1.0.0" in failed.err
    assert 'expected:  func Text() string { return "bye" }' in failed.err
    assert 'found:     func Text() string { return "hello" }' in failed.err
    assert not list((builder.cache / "go" / "patched").iterdir())
