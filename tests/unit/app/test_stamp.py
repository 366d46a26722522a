import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from builder.app import stamp
from builder.app.invocation import Invocation
from builder.app.project import Project
from builder.app.stamp import Finished, Stamps, Telling, Written
from builder.core.digest import Digest
from builder.core.events import ArtifactWritten, BuildFinished, PlanMade
from builder.io.files import remove_tree
from builder.io.outdir import open_output
from builder.store.record import Made
from builder.store.store import Store

ARGUMENTS = ("make", "--arch", "armv7")
TELLING = Telling(quiet=True, json_events=False)
STEP = Digest.of_bytes(b"the step")
NAME = "edge/armv7/kedge"
HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build of a recipe and a directory of sources into a file of the store and of the output directory."""

    place: Path
    finished: Finished
    # Long after the files were made, for a test that does not wait.
    begin_s: float

    @property
    def project(self) -> Project:
        return Project(root=self.place, cache=self.place / "cache", environment={})

    @property
    def stored(self) -> Path:
        with_store = Store(self.project.store)
        try:
            return with_store.layout.output(STEP) / "kedge"
        finally:
            with_store.close()

    def stamps(self, arguments: Sequence[str] = ARGUMENTS, *, later_s: float = 0.0) -> Stamps:
        return Stamps(self.project, Invocation(arguments=arguments, begin_s=self.begin_s + later_s))

    def is_known(self, arguments: Sequence[str] = ARGUMENTS) -> bool:
        return self.stamps(arguments).current() is not None

    def used_s(self) -> float:
        store = Store(self.project.store)
        try:
            return store.lookup([STEP])[STEP].used_s
        finally:
            store.close()


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    (tmp_path / "sources").mkdir()
    for name in ("recipe.yaml", "sources/main.go"):
        (tmp_path / name).write_text(name)
    begin_s = time.time() + 10
    store = Store(tmp_path / "cache/store")
    with store.claim(STEP) as claim:
        (claim.output / "kedge").write_bytes(b"the executable")
        entry = claim.commit(Made(step="step", kind="kind", facts={}), created_s=begin_s)
    store.close()
    with open_output(tmp_path / "out", state=tmp_path / "cache/out") as output:
        output.write_bytes(PurePosixPath(NAME), (entry.output / "kedge").read_bytes())
    finished = Finished(
        places=[tmp_path / "recipe.yaml", tmp_path / "sources", tmp_path / "absent"],
        out=tmp_path / "out",
        written=[Written(path=NAME, digest=Digest.of_bytes(b"the executable"), size_bytes=14)],
        steps=[STEP],
        targets=[STEP],
    )
    made = Build(place=tmp_path, finished=finished, begin_s=begin_s)
    made.stamps().keep(finished, TELLING)
    yield made
    remove_tree(tmp_path / "cache")


def test_a_build_is_known_while_nothing_changes(build: Build) -> None:
    known = build.stamps().current()
    assert known is not None
    assert (known.finished, known.telling) == (build.finished, TELLING)
    assert list(known.events(1.5)) == [
        PlanMade(steps=1, cached=1, estimate_s=0),
        ArtifactWritten(
            path=str(build.place / "out" / NAME),
            digest=Digest.of_bytes(b"the executable"),
            size_bytes=14,
            changed=False,
        ),
        BuildFinished(ok=True, duration_s=1.5, built=0, cached=1, failed=0, skipped=0),
    ]


def keeping_times(path: str, change: Callable[[Path], object]) -> Callable[[Build], None]:
    def changed(build: Build) -> None:
        file = build.place / path
        before = file.stat()
        change(file)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    return changed


def rewrite(path: Path) -> None:
    path.write_bytes(path.read_bytes().upper())


def in_the_way(build: Build) -> None:
    (build.place / "out/edge").rename(build.place / "moved")
    (build.place / "out/edge").symlink_to(build.place / "moved")


def on_stamps(change: Callable[[str], str]) -> Callable[[Build], None]:
    def changed(build: Build) -> None:
        (file,) = (build.place / "cache/stamps").iterdir()
        file.write_text(change(file.read_text()))

    return changed


def make_writable(path: Path) -> Path:
    for one in (path.parent, path):
        one.chmod(0o755)
    return path


CHANGES: dict[str, Callable[[Build], object]] = {
    "a recipe of the same size and time": keeping_times("recipe.yaml", rewrite),
    "a source of the same size and time": keeping_times("sources/main.go", rewrite),
    "a source more": lambda build: (build.place / "sources/more.go").touch(),
    "a source less": lambda build: (build.place / "sources/main.go").unlink(),
    "the mode of a source": lambda build: (build.place / "sources/main.go").chmod(0o755),
    "a file where there was none": lambda build: (build.place / "absent").touch(),
    "an output of the same size and time": keeping_times(f"out/{NAME}", rewrite),
    "an output of another time": lambda build: os.utime(build.place / "out" / NAME, (1, 1)),
    "the mode of an output": lambda build: (build.place / "out" / NAME).chmod(0o700),
    "an output less": lambda build: (build.place / "out" / NAME).unlink(),
    "no output directory": lambda build: shutil.rmtree(build.place / "out"),
    "a link in place of a directory of outputs": in_the_way,
    "nothing known of the outputs": lambda build: shutil.rmtree(build.place / "cache/out"),
    "a result in the store less": lambda build: remove_tree(build.stored.parent.parent),
    "a result in the store that was written to": lambda build: make_writable(build.stored).write_bytes(b"x"),
    "half a stamp": on_stamps(lambda text: text[:100]),
    "a stamp of another form": on_stamps(lambda text: text.replace('"version": 1', '"version": 2')),
    "a stamp that lacks something": on_stamps(lambda text: text.replace('"telling"', '"tellings"')),
    "a stamp that says too much": on_stamps(lambda text: text.replace('"quiet"', '"loud": 1, "quiet"')),
    "a stamp with half a digest": on_stamps(lambda text: text.replace(STEP, STEP[:20])),
    "a stamp of another state": on_stamps(lambda text: text.replace('"state": "sha256:', '"state": "sha256:00')),
    "a stamp that is no object": on_stamps(lambda _: "[]"),
    "no stamp": lambda build: shutil.rmtree(build.place / "cache/stamps"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_noticed(build: Build, change: Callable[[Build], object]) -> None:
    assert build.is_known()
    change(build)
    assert not build.is_known()


def test_it_is_known_by_its_command_line_and_place_alone(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not build.is_known(("make", "--arch", "arm64"))
    assert not build.is_known(("make", "--arch armv7"))
    assert not build.is_known(("make", "\udcff"))
    monkeypatch.chdir(build.place)
    assert not build.is_known()


def test_what_changed_a_moment_before_is_not_relied_on(build: Build) -> None:
    shutil.rmtree(build.place / "cache/stamps")
    changed_s = (build.place / "sources/main.go").stat().st_ctime
    late = build.stamps(later_s=changed_s + 1.9 - build.begin_s)
    late.keep(build.finished, TELLING)
    assert late.current() is None
    build.stamps().keep(build.finished, TELLING)
    assert late.current() is not None


def test_a_builder_that_changed_meanwhile_leaves_no_stamp(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(build.place / "cache/stamps")
    code = build.place / "code"
    shutil.copytree(Path(stamp.__file__).parents[1] / "core", code)
    monkeypatch.setattr(stamp, "_code", lambda: code)
    before = build.stamps()
    (code / "arch.py").unlink()
    before.keep(build.finished, TELLING)
    assert not build.is_known()
    build.stamps().keep(build.finished, TELLING)
    assert build.is_known()


def test_the_store_hears_of_the_use_once_an_hour(build: Build) -> None:
    assert build.stamps(later_s=HOUR_S - 1).current()
    assert build.used_s() == build.begin_s
    assert build.stamps(later_s=HOUR_S + 1).current()
    assert build.used_s() == build.begin_s + HOUR_S + 1
    assert build.stamps(later_s=HOUR_S + 3).current()
    assert build.used_s() == build.begin_s + HOUR_S + 1


def test_a_store_of_a_newer_builder_is_left_to_the_plan(build: Build) -> None:
    (build.project.store / "format").write_text("99\n")
    assert build.stamps(later_s=2 * HOUR_S).current() is None


def test_the_oldest_of_many_are_removed(build: Build) -> None:
    for number in range(70):
        build.stamps(("make", str(number))).keep(build.finished, TELLING)
    assert len(list((build.place / "cache/stamps").iterdir())) == 64
    assert build.is_known(("make", "69"))
    assert not build.is_known(("make", "0"))


def test_a_cache_that_cannot_be_written_is_no_failure(build: Build) -> None:
    shutil.rmtree(build.place / "cache/stamps")
    (build.place / "cache/stamps").write_text("in the way")
    build.stamps().keep(build.finished, TELLING)
    assert not build.is_known()
