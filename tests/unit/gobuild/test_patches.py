import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.gobuild.command import Go
from builder.gobuild.devview import sees_patches
from builder.gobuild.patches import ModulePatch, ModulePatcher, apply_to_snapshot
from builder.io.leash import Leash
from builder.io.spawn import Runner

MODULE, VERSION = "github.com/Some/dep", "v1.0.0"
FILES = {"go.mod": f"module {MODULE}\n", "dep.go": "package dep\n\nvar Text = 1\n", "sub/x.go": "package sub\n"}
FIX = "--- a/dep.go\n+++ b/dep.go\n@@ -3 +3 @@\n-var Text = 1\n+var Text = 2\n"


def archive(files: Mapping[str, str], prefix: str = f"{MODULE}@{VERSION}/") -> tuple[bytes, str]:
    """A module's zip and its sum."""
    buffer = io.BytesIO()
    named = {f"{prefix}{name}": text.encode() for name, text in files.items()}
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, data in named.items():
            opened.writestr(name, data)
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(named.items()))
    return buffer.getvalue(), f"h1:{base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()}"


class Place:
    """A module, a proxy directory with what it requires, and a program that notes how the Go command was called."""

    def __init__(self, root: Path, leash: Leash) -> None:
        self.root = root
        for name in ("goroot/bin", "module", "proxy/github.com/!some/dep/@v", "output", "scratch"):
            (root / name).mkdir(parents=True)
        program = root / "goroot/bin/go"
        program.write_text('#!/bin/sh\necho "$@" > called\n')
        program.chmod(0o755)
        self.go = Go(
            goroot=root / "goroot", build_cache=root / "b", module_cache=root / "m", scratch=root / "scratch",
            runner=Runner(log=root / "log", leash=leash),
        )  # fmt: skip
        self.publish(*archive(FILES))
        (root / "module/go.mod").write_text(f"module tiny\n\nrequire {MODULE} {VERSION}\n")

    def publish(self, content: bytes, h1: str) -> None:
        (self.root / f"proxy/github.com/!some/dep/@v/{VERSION}.zip").write_bytes(content)
        (self.root / "module/go.sum").write_text(f"{MODULE} {VERSION} {h1}\n")

    def patch(self, *texts: str, module: str = MODULE) -> tuple[str, ...]:
        patches = []
        for number, text in enumerate(texts, start=1):
            file = self.root / f"{number}.patch"
            file.write_text(text)
            patches.append(ModulePatch(module=module, file=file, shown=f"patches/{number}.patch"))
        patcher = ModulePatcher(go=self.go, module_directory=self.root / "module", modules=self.root / "proxy")
        return patcher.run(patches, self.root / "output")

    def read(self, name: str) -> str:
        return (self.root / "output/patched" / MODULE / name).read_text()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Leash() as leash:
        yield Place(tmp_path / "a place", leash)


def test_a_module_is_patched_and_put_in_the_originals_place(place: Place) -> None:
    assert place.patch(FIX) == ()
    assert place.read("dep.go") == "package dep\n\nvar Text = 2\n"
    assert place.read("sub/x.go") == FILES["sub/x.go"]
    output = place.root / "output"
    assert (output / "go.mod").read_text() == (place.root / "module/go.mod").read_text()
    assert (output / "called").read_text() == f"mod edit -replace={MODULE}=./patched/{MODULE}\n"


def test_patches_lie_on_top_of_each_other(place: Place) -> None:
    second = "--- a/dep.go\n+++ b/dep.go\n@@ -1,3 +1,3 @@\n package dep\n \n-var Text = 2\n+var Text = 3\n"
    assert place.patch(FIX, second) == ()
    assert place.read("dep.go").endswith("Text = 3\n")


def test_files_are_made_and_removed(place: Place) -> None:
    place.patch(
        "--- /dev/null\n+++ b/new/y.go\n@@ -0,0 +1 @@\n+package y\n--- a/sub/x.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-package sub\n"
    )
    assert place.read("new/y.go") == "package y\n"
    assert not (place.root / "output/patched" / MODULE / "sub/x.go").exists()


def test_a_hunk_that_moved_is_told(place: Place) -> None:
    assert place.patch(FIX.replace("-3 +3", "-1 +1")) == (
        "patches/1.patch:3: fits dep.go +2 lines away; make the patch anew",
    )


def test_bytes_that_are_no_text_are_kept(place: Place) -> None:
    place.publish(
        *archive(
            {**FILES, "dep.go": "// \udce9\nvar Text = 1\r\n".encode("utf-8", "surrogateescape").decode("latin-1")}
        )
    )
    place.patch("--- a/dep.go\n+++ b/dep.go\n@@ -2 +2 @@\n-var Text = 1\r\n+var Text = 2\r\n")
    output = place.root / "output/patched" / MODULE / "dep.go"
    assert output.read_bytes() == "// é\nvar Text = 2\r\n".encode()


def test_everything_that_does_not_fit_is_told_at_once(place: Place) -> None:
    with pytest.raises(RecipeError) as caught:
        place.patch(
            FIX.replace("-var Text = 1", "-var Text = 7"),
            "--- a/gone.go\n+++ b/gone.go\n@@ -1 +1 @@\n-a\n+b\n--- /dev/null\n+++ b/dep.go\n@@ -0,0 +1 @@\n+a\n",
            "no patch",
            "--- a/sub/x.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-package other\n",
        )
    assert caught.value.details == (
        f"patches/1.patch:3: does not fit dep.go:3 of {MODULE}@{VERSION}",
        "       3  expected:  var Text = 7",
        "          found:     var Text = 1",
        f"patches/2.patch:1: there is no gone.go in {MODULE}@{VERSION}",
        f"patches/2.patch:6: dep.go is to be made, but {MODULE}@{VERSION} has it",
        "patches/3.patch: there is no change in it",
        f"patches/4.patch:3: does not fit sub/x.go:1 of {MODULE}@{VERSION}",
        "       1  expected:  package other",
        "          found:     package sub",
    )
    assert "make the patch again" in caught.value.hint


def test_a_file_that_is_removed_must_be_known_whole(place: Place) -> None:
    with pytest.raises(RecipeError, match=r"dep\.go is to be removed, but has more lines"):
        place.patch("--- a/dep.go\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-package dep\n-\n")


def test_a_module_that_is_not_built_cannot_be_patched(place: Place) -> None:
    with pytest.raises(RecipeError, match=r"patches/1.patch: example.org/no is not part of the build: go.mod does not"):
        place.patch(FIX, module="example.org/no")
    (place.root / "module/go.sum").write_text("")
    with pytest.raises(RecipeError, match=r"go.sum has no sum of its archive"):
        place.patch(FIX)


def test_what_replaces_a_module_is_what_is_patched(place: Place) -> None:
    (place.root / "module/go.mod").write_text(
        f"require example.org/x v0.1.0\nreplace example.org/x => {MODULE} {VERSION}\n"
    )
    place.patch(FIX, module="example.org/x")
    assert (place.root / "output/patched/example.org/x/dep.go").read_text().endswith("Text = 2\n")


def test_an_archive_that_is_not_the_locks_is_refused_before_it_is_unpacked(place: Place) -> None:
    _, pinned = archive(FILES)
    content, _ = archive({**FILES, "dep.go": "package dep // altered\n"})
    place.publish(content, pinned)
    with pytest.raises(VerificationError, match=rf"module {MODULE}@{VERSION} is not what the lock pins"):
        place.patch(FIX)
    assert not (place.root / "output/patched").exists()


@pytest.mark.parametrize("prefix", [f"{MODULE}@{VERSION}/../", "/", "other@v1/"])
def test_an_archive_does_not_reach_out_of_its_directory(place: Place, prefix: str) -> None:
    place.publish(*archive(FILES, prefix))
    with pytest.raises(BuilderError, match="is no file of the module"):
        place.patch(FIX)


def test_a_damaged_archive_is_told(place: Place) -> None:
    _, pinned = archive(FILES)
    place.publish(b"PK no zip", pinned)
    with pytest.raises(BuilderError, match="cannot be unpacked"):
        place.patch(FIX)


def test_a_missing_patch_is_told(place: Place) -> None:
    patcher = ModulePatcher(go=place.go, module_directory=place.root / "module", modules=place.root / "proxy")
    gone = ModulePatch(module=MODULE, file=place.root / "gone.patch", shown="patches/gone.patch")
    with pytest.raises(RecipeError) as caught:
        patcher.run([gone], place.root / "output")
    assert caught.value.details == ("patches/gone.patch cannot be read: No such file or directory",)


def test_a_snapshot_takes_the_patched_modules(place: Place) -> None:
    place.patch(FIX)
    snapshot = place.root / "snapshot"
    snapshot.mkdir()
    (snapshot / "go.mod").write_text("the original")
    (snapshot / "main.go").write_text("package main\n")
    apply_to_snapshot(place.root / "output", snapshot)
    assert (snapshot / "go.mod").read_text().startswith("module tiny")
    assert (snapshot / "patched" / MODULE / "dep.go").exists()
    assert (snapshot / "main.go").exists()


@pytest.mark.parametrize(
    ("arguments", "directory", "sees"),
    [
        (["vet", "./..."], "module", True),
        (["test", "./..."], "module/cmd/tiny", True),
        (["tool", "-modfile=tools/go.mod", "staticcheck"], "module", False),
        (["mod", "tidy"], "module", False),
        (["get", "example.org/x"], "module", False),
        (["version"], "module", False),
        ([], "module", False),
        (["vet", "./..."], "module/tools", False),
        (["vet", "./..."], ".", False),
    ],
)
def test_which_commands_see_the_patches(tmp_path: Path, arguments: list[str], directory: str, sees: bool) -> None:
    for name in ("module/cmd/tiny", "module/tools"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("module", "module/tools"):
        (tmp_path / name / "go.mod").write_text("module x\n")
    assert sees_patches(arguments, tmp_path / directory, tmp_path / "module") is sees
