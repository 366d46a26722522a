import os
import stat
import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.io import outdir
from builder.io.outdir import Artifact, open_output

NAME = PurePosixPath("edge/armv7/kedge")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "Ausgabe für alle"


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    source = tmp_path / "source"
    source.write_bytes(b"the executable")
    return Artifact(path=NAME, source=source, digest=Digest.of_file(source), size_bytes=14, executable=True)


def write(root: Path, artifact: Artifact) -> bool:
    with open_output(root, state=root.parent / "state") as output:
        output.check([artifact])
        return output.write_file(artifact)


def contents(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_a_file_is_written_once(root: Path, artifact: Artifact) -> None:
    before = os.umask(0o077)
    try:
        assert write(root, artifact)
    finally:
        os.umask(before)
    place = root / NAME
    assert place.read_bytes() == b"the executable"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place, place.parent)] == [0o755, 0o755]
    status = place.stat()
    assert not write(root, artifact)
    assert place.stat() == status
    assert contents(root) == ["edge", "edge/armv7", "edge/armv7/kedge"]


def test_an_unchanged_file_is_not_read_again(root: Path, artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, artifact)

    def read(_: int) -> Digest:
        raise AssertionError("read again")

    monkeypatch.setattr(outdir, "digest_content", read)
    artifact.source.unlink()
    assert not write(root, artifact)


def test_what_was_tampered_with_is_written_again(root: Path, artifact: Artifact) -> None:
    write(root, artifact)
    place = root / NAME
    status = place.stat()
    place.write_bytes(b"the EXECUTABLE")
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert write(root, artifact)
    assert place.read_bytes() == b"the executable"
    place.unlink()
    assert write(root, artifact)
    place.chmod(0o600)
    assert not write(root, artifact)
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


def test_a_right_file_of_unknown_origin_is_taken_over(root: Path, artifact: Artifact) -> None:
    write(root, artifact)
    for state in (root.parent / "state").iterdir():
        state.write_text("{")
    inode = (root / NAME).stat().st_ino
    assert not write(root, artifact)
    assert (root / NAME).stat().st_ino == inode


def test_a_changed_artifact_replaces_the_file_and_spares_its_other_names(root: Path, artifact: Artifact) -> None:
    write(root, artifact)
    (root.parent / "kept").hardlink_to(root / NAME)
    artifact.source.write_bytes(b"another")
    assert write(root, replace(artifact, digest=Digest.of_file(artifact.source)))
    assert (root.parent / "kept").read_bytes() == b"the executable"
    assert (root / NAME).read_bytes() == b"another"


def test_wrong_content_never_takes_the_name(root: Path, artifact: Artifact) -> None:
    write(root, artifact)
    with pytest.raises(VerificationError, match="is not what it must be"):
        write(root, replace(artifact, digest=Digest.of_bytes(b"else")))
    assert (root / NAME).read_bytes() == b"the executable"
    assert contents(root) == ["edge", "edge/armv7", "edge/armv7/kedge"]


def test_what_a_killed_builder_left_is_removed(root: Path, artifact: Artifact) -> None:
    (root / NAME).parent.mkdir(parents=True)
    (root / "edge/armv7/.kedge.builder-tmp").write_text("half")
    assert write(root, artifact)
    assert contents(root) == ["edge", "edge/armv7", "edge/armv7/kedge"]


@pytest.mark.parametrize("part", ["edge", "edge/armv7", "edge/armv7/kedge"])
@pytest.mark.parametrize("dangling", [False, True], ids=["live", "dangling"])
def test_a_planted_link_is_refused_and_named(root: Path, artifact: Artifact, part: str, *, dangling: bool) -> None:
    outside = root.parent / "outside"
    (outside / "armv7").mkdir(parents=True)
    (outside / "precious").write_text("x")
    place = root / part
    place.parent.mkdir(parents=True)
    target = "nowhere" if dangling else outside / "precious" if part == str(NAME) else outside
    place.symlink_to(target)
    with open_output(root, state=root.parent / "state") as output:
        for attempt in (output.write_file, lambda item: output.check([item])):
            with pytest.raises(BuilderError) as caught:
                attempt(artifact)
            assert caught.value.brief.startswith(f"{place} is a symbolic link")
    assert sorted(path.name for path in outside.rglob("*")) == ["armv7", "precious"]
    assert (outside / "precious").read_text() == "x"
    assert not (root / "nowhere").exists()


def test_a_planted_temporary_link_is_not_followed(root: Path, artifact: Artifact) -> None:
    (root / NAME).parent.mkdir(parents=True)
    (root.parent / "precious").write_text("x")
    (root / "edge/armv7/.kedge.builder-tmp").symlink_to(root.parent / "precious")
    assert write(root, artifact)
    assert (root.parent / "precious").read_text() == "x"


def test_a_link_at_the_root_is_the_users_choice(root: Path, artifact: Artifact) -> None:
    real = root.parent / "real"
    real.mkdir()
    root.symlink_to(real)
    assert write(root, artifact)
    assert (real / NAME).exists()
    assert not write(real, artifact)


def test_other_things_in_the_way_are_named(root: Path, artifact: Artifact) -> None:
    (root / NAME).mkdir(parents=True)
    with pytest.raises(BuilderError, match="kedge is in the way"):
        write(root, artifact)
    (root / "flat").write_text("x")
    with pytest.raises(BuilderError, match="flat is in the way"):
        write(root, replace(artifact, path=PurePosixPath("flat/kedge")))
    root.joinpath("file").write_text("x")
    with pytest.raises(BuilderError, match="is no directory"):
        write(root / "file", artifact)


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "a/../../b", "."])
def test_a_path_outside_is_refused(root: Path, artifact: Artifact, path: str) -> None:
    with pytest.raises(BuilderError, match="does not name a file below"):
        write(root, replace(artifact, path=PurePosixPath(path)))


def test_bytes_are_written_like_files(root: Path) -> None:
    with open_output(root, state=root.parent / "state") as output:
        assert output.write_bytes(PurePosixPath("a/SHA256SUMS"), b"one")
        assert not output.write_bytes(PurePosixPath("a/SHA256SUMS"), b"one")
        assert output.write_bytes(PurePosixPath("a/SHA256SUMS"), b"two")
    assert (root / "a/SHA256SUMS").read_bytes() == b"two"


def test_two_builders_take_turns(root: Path, artifact: Artifact) -> None:
    told = threading.Event()
    order: list[str] = []

    def second() -> None:
        with open_output(root, state=root.parent / "state", on_wait=told.set) as output:
            order.append("second")
            output.write_file(artifact)

    with open_output(root, state=root.parent / "state") as output:
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(60)
        output.write_file(artifact)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert contents(root) == ["edge", "edge/armv7", "edge/armv7/kedge"]


def test_too_little_space_is_told_before(root: Path, artifact: Artifact) -> None:
    with (
        open_output(root, state=root.parent / "state") as output,
        pytest.raises(BuilderError, match="is too full for the output"),
    ):
        output.check([replace(artifact, size_bytes=1 << 60)])
    assert contents(root) == []
