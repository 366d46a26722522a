"""Directories to build from: what is put in, what is refused, what is noticed."""

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import pytest

from builder.app.vendor.directory import MANIFEST, filling, open_directory
from builder.app.vendor.parts import Part
from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError
from builder.steps.context import StepContext
from builder.steps.step import Step, StepKind

Bring: TypeAlias = Callable[..., tuple[Part, Path]]


def nothing() -> None:
    """The work goes on."""


def _run(_: str, _context: StepContext) -> None:
    raise AssertionError


KIND = StepKind(name="toy", version=1, run=_run)


def part(name: str, content: bytes) -> Part:
    """A part of one file that is pinned to `content`."""
    pinned = Digest.of_bytes(content)
    return Part(
        what=name,
        key=Digest.of_json([name, pinned]),
        step=Step(id=name, kind=KIND, input=name),
        directory=PurePosixPath("some/place"),
        judge=lambda _name, _path, digest: digest == pinned,
        required=(f"{name}.deb",),
    )


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """A part and the output of its step; `fetched` is what came in place of what is pinned."""

    def made(name: str, content: bytes, *, fetched: bytes | None = None) -> tuple[Part, Path]:
        output = tmp_path / "outputs" / f"{name}-{Digest.of_bytes(content).short}"
        output.mkdir(parents=True)
        (output / f"{name}.deb").write_bytes(content if fetched is None else fetched)
        return part(name, content), output

    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def put(root: Path, *brought: tuple[Part, Path]) -> None:
    with filling(root) as directory:
        directory.put(brought, nothing)


def told(root: Path, *parts: Part) -> list[str]:
    return open_directory(root).problems(parts, nothing).told


def test_what_was_put_in_is_whole(root: Path, bring: Bring) -> None:
    one, other = bring("one", b"1"), bring("other", b"2")
    put(root, one, other)
    assert names(root) == [".lock", "some/place/one.deb", "some/place/other.deb", MANIFEST]
    assert told(root, one[0], other[0]) == []
    manifest = json.loads((root / MANIFEST).read_text())
    assert manifest["files"]["some/place/one.deb"] == {"size_bytes": 1, "sha256": Digest.of_bytes(b"1")}
    assert manifest["parts"][one[0].key] == {"what": "one", "files": ["some/place/one.deb"]}


def test_the_manifest_does_not_depend_on_the_order(tmp_path: Path, bring: Bring) -> None:
    one, other = bring("one", b"1"), bring("other", b"2")
    put(tmp_path / "a", one, other)
    put(tmp_path / "b", other)
    put(tmp_path / "b", one)
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()


def test_every_problem_is_told(root: Path, bring: Bring) -> None:
    absent, gone, damaged, wrong = (
        bring("absent", b"0"), bring("gone", b"1"), bring("damaged", b"2"), bring("wrong", b"3", fetched=b"4"),
    )  # fmt: skip
    put(root, gone, damaged, wrong)
    (root / "some/place/gone.deb").unlink()
    (root / "some/place/damaged.deb").write_bytes(b"?")
    problems = open_directory(root).problems([one for one, _ in (absent, gone, damaged, wrong)], nothing, by_pins=True)
    assert problems.told == [
        "absent is missing",
        "gone: some/place/gone.deb is missing",
        "damaged: some/place/damaged.deb is damaged",
        "wrong: some/place/wrong.deb is not what is pinned",
    ]
    assert [one.what for one in problems.parts] == ["absent", "gone", "damaged", "wrong"]
    assert told(root, wrong[0]) == []


def test_files_of_other_parts_are_looked_at_too(root: Path, bring: Bring) -> None:
    one, other = bring("one", b"1"), bring("other", b"2")
    put(root, one, other)
    (root / "some/place/other.deb").write_bytes(b"?")
    (root / "some/place/one.deb").write_bytes(b"?")
    assert open_directory(root).damaged([one[0]], nothing) == ["some/place/other.deb is damaged"]


def test_damaged_files_are_replaced_and_whole_ones_left_alone(root: Path, bring: Bring) -> None:
    one, other = bring("one", b"1"), bring("other", b"2")
    put(root, one, other)
    before = (root / "some/place/other.deb").stat()
    (root / "some/place/one.deb").write_bytes(b"?")
    put(root, one, other)
    assert told(root, one[0], other[0]) == []
    after = (root / "some/place/other.deb").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_directory_of_somebody_else_is_refused(root: Path, bring: Bring) -> None:
    root.mkdir()
    (root / "thesis.odt").write_bytes(b"years of work")
    with pytest.raises(RecipeError) as refused:
        put(root, bring("one", b"1"))
    assert refused.value.details == ("thesis.odt",)
    assert names(root) == ["thesis.odt"]


def test_a_file_is_refused(root: Path, bring: Bring) -> None:
    root.write_bytes(b"years of work")
    with pytest.raises(RecipeError, match="is no directory"):
        put(root, bring("one", b"1"))
    assert root.read_bytes() == b"years of work"


def test_files_of_others_stay_unless_they_are_in_the_way(root: Path, bring: Bring) -> None:
    put(root)
    (root / "some/place").mkdir(parents=True)
    for name in ("one.deb", "other.deb", "notes"):
        (root / "some/place" / name).write_bytes(b"mine")
    third = bring("third", b"3")
    with pytest.raises(BuilderError) as refused:
        put(root, bring("one", b"1"), bring("other", b"2"), third)
    assert refused.value.details == ("some/place/one.deb", "some/place/other.deb")
    assert (root / "some/place/one.deb").read_bytes() == b"mine"
    assert (root / "some/place/notes").read_bytes() == b"mine"
    assert told(root, third[0]) == []


def test_a_file_in_place_of_a_directory_is_in_the_way(root: Path, bring: Bring) -> None:
    put(root)
    (root / "some").write_bytes(b"mine")
    with pytest.raises(BuilderError) as refused:
        put(root, bring("one", b"1"))
    assert refused.value.details == ("some/place/one.deb",)
    assert (root / "some").read_bytes() == b"mine"


def test_a_directory_that_cannot_be_made_is_told(root: Path, bring: Bring) -> None:
    root.write_bytes(b"")
    with pytest.raises(BuilderError, match="kept/below cannot be written: Not a directory"):
        put(root / "below", bring("one", b"1"))


def test_a_file_that_is_right_is_taken_over(root: Path, bring: Bring) -> None:
    """As an earlier run leaves it that died before it wrote down what it had done."""
    one = bring("one", b"1")
    put(root)
    (root / "some/place").mkdir(parents=True)
    (root / "some/place/one.deb").write_bytes(b"1")
    put(root, one)
    assert told(root, one[0]) == []


def test_what_a_dead_builder_left_is_swept(root: Path, bring: Bring) -> None:
    root.mkdir()
    (root / f".{MANIFEST}.0123.tmp").write_bytes(b"{")
    (root / ".incoming").mkdir()
    (root / MANIFEST).write_text('{"vendor": 1}')
    (root / ".incoming" / "half.deb").write_bytes(b"1")
    with filling(root) as directory:
        assert list((root / ".incoming").iterdir()) == []
        directory.put([bring("one", b"1")], nothing)
    assert not (root / ".incoming").exists()


def test_an_error_leaves_what_was_put_in_before(root: Path, bring: Bring) -> None:
    one = bring("one", b"1")

    def interrupted() -> None:
        with filling(root) as directory:
            directory.put([one], nothing)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert told(root, one[0]) == []
    assert not (root / ".incoming").exists()


def test_what_was_never_filled_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is no directory that 'builder vendor' has filled") as refused:
        open_directory(tmp_path / "it is")
    assert refused.value.hint == f"fill it first: builder vendor '{tmp_path}/it is'"


@pytest.mark.parametrize("content", ["", "{}{", '{"vendor": 2}', '{"vendor": 1, "more": 1}'])
def test_a_damaged_manifest_is_told(root: Path, content: str) -> None:
    root.mkdir()
    (root / MANIFEST).write_text(content)
    with pytest.raises(RecipeError, match=r"vendor\.json cannot be read"):
        open_directory(root)
