"""Full disks, foreign file systems, stores of other versions."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.core.events import StepFailed, StepStarted
from builder.core.resources import GIB, MIB
from builder.exec.result import StepsFailedError
from builder.io.files import remove_tree
from builder.store.collect import verify
from tests.integration.engine.mounts import small_file_system
from tests.integration.engine.toy import Toy, shell

FILL = 'dd if=/dev/zero of="$OUT/big" bs=1M count=200 2>&1'


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "klein und voll", 64 * MIB) as place:
        yield place


def failure_of(toy: Toy, name: str) -> StepFailed:
    return next(event for event in toy.events if isinstance(event, StepFailed) and event.step == name)


def test_a_disk_that_fills_up_in_a_step_is_named_and_nothing_is_lost(small: Path) -> None:
    toy = Toy(cache=small)
    sound = shell("sound", "echo sound > $OUT/a")
    toy.build(sound)
    with pytest.raises(StepsFailedError):
        toy.build(sound, shell("fills", FILL))
    failed = failure_of(toy, "fills")
    assert f"the file system {small} (tmpfs) became full while fills was made: sh failed" in failed.brief
    assert "dd if=/dev/zero" in failed.command
    assert "free some space" in failed.hint
    assert toy.left_behind() == []
    assert verify(toy.store) == []
    # There is room again, and all goes on.
    assert (toy.build(sound, shell("small", "echo > $OUT/a")).built, toy.names(StepStarted)) == (1, ["small"])
    toy.close()


def test_a_disk_that_fills_up_while_a_result_is_stored_is_named(small: Path) -> None:
    toy = Toy(cache=small)
    # Names and sizes of very many empty files make a large record; the files themselves take no blocks of a tmpfs.
    leave = 40 << 10
    fill = (
        f'd=$(dirname "$SCRATCH"); cd "$OUT"; seq 2000 | xargs touch; dd if=/dev/zero of={small}/ballast bs=1M || true;'
    )
    text = f"{fill} truncate -s -{leave} {small}/ballast 2>/dev/null || true"
    with pytest.raises(StepsFailedError):
        toy.build(shell("record", text.replace(str(small), f'"{small}"')))
    failed = failure_of(toy, "record")
    assert f"the file system {small} (tmpfs) became full while the result of record was stored" in failed.brief
    (small / "ballast").unlink()
    assert toy.left_behind() == []
    assert verify(toy.store) == []
    toy.close()


def test_a_step_that_declares_more_than_is_free_does_not_start(small: Path) -> None:
    toy = Toy(cache=small)
    with pytest.raises(StepsFailedError):
        toy.build(shell("large", "echo > $OUT/a", disk_bytes=GIB))
    failed = failure_of(toy, "large")
    assert failed.brief == f"the file system {small} (tmpfs) is too full for large"
    assert "needed: 1.0 GiB" in failed.details[0]
    assert toy.left_behind() == []
    toy.close()


def test_the_last_size_is_what_a_step_is_expected_to_take(small: Path) -> None:
    toy = Toy(cache=small)
    toy.build(shell("grows", 'dd if=/dev/zero of="$OUT/a" bs=1M count=30'))
    with pytest.raises(StepsFailedError):
        toy.build(shell("grows", 'dd if=/dev/zero of="$OUT/a" bs=1M count=31'))
    assert "is too full for grows" in failure_of(toy, "grows").brief
    toy.close()


def test_a_store_on_another_file_system() -> None:
    memory = Path("/dev", "shm")
    if not os.access(memory, os.W_OK):
        pytest.skip(f"{memory} cannot be written")
    if memory.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip(f"{memory} is no file system of its own")
    cache = Path(tempfile.mkdtemp(prefix="builder test ", dir=memory))
    try:
        toy = Toy(cache=cache)
        first = shell("first", "echo hello > $OUT/a")
        second = shell("second", 'cp "$NEED_a/a" "$OUT/b"', {"a": first})
        assert (toy.build(second).output(second) / "b").read_text() == "hello\n"
        assert toy.build(second).built == 0
        toy.close()
    finally:
        remove_tree(cache)


def test_a_store_of_a_newer_builder_is_refused(cache: Path) -> None:
    Toy(cache=cache).close()
    (cache / "store/format").write_text("2\n")
    with pytest.raises(BuilderError, match="is of version '2', this builder knows version 1") as caught:
        Toy(cache=cache)
    assert "newer builder" in caught.value.hint


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with (
        small_file_system(tmp_path / "fest", MIB, read_only=True) as place,
        pytest.raises(BuilderError, match="cannot be used: Read-only file system"),
    ):
        Toy(cache=place / "cache")


def test_a_store_survives_being_archived(cache: Path, tmp_path: Path) -> None:
    toy = Toy(cache=cache)
    step = shell("first", "cd $OUT; echo hello > a; ln -s a b; chmod 700 a".replace("$OUT", '"$OUT"'))
    toy.build(step)
    toy.close()
    archive = shutil.make_archive(str(tmp_path / "archive"), "tar", cache)
    remove_tree(cache)
    cache.mkdir()
    shutil.unpack_archive(archive, cache, filter="fully_trusted")
    toy = Toy(cache=cache)
    assert verify(toy.store) == []
    assert toy.build(step).built == 0
    toy.close()
