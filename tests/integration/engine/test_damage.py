"""Entries that changed on disk are noticed and made again."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.core.events import StepStarted, Warned
from builder.io.files import remove_tree
from builder.steps.step import Step
from tests.integration.engine.toy import Toy, shell


def flip_a_bit(entry: Path) -> None:
    """Change the content and nothing else that stat(2) shows, as a bad disk does."""
    file = entry / "output/dir/text"
    status = file.stat()
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    file.chmod(0o444)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def edit(entry: Path) -> None:
    """What an editor run by root does: same size, another time."""
    file = entry / "output/dir/text"
    file.chmod(0o644)
    file.write_bytes(b"H" + file.read_bytes()[1:])
    file.chmod(0o444)


def lose_the_end(entry: Path) -> None:
    """What a file system after a power cut may show: the right time, not all of the content."""
    file = entry / "output/dir/text"
    status = file.stat()
    os.truncate(file, 3)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def add_a_file_and_hide_it(entry: Path) -> None:
    status = (entry / "output").stat()
    add_a_file(entry)
    os.utime(entry / "output", ns=(status.st_atime_ns, status.st_mtime_ns))


def make_executable(entry: Path) -> None:
    (entry / "output/dir/text").chmod(0o555)


def remove_a_file(entry: Path) -> None:
    (entry / "output/dir").chmod(0o755)
    (entry / "output/dir/text").unlink()


def add_a_file(entry: Path) -> None:
    (entry / "output").chmod(0o755)
    (entry / "output/more").write_text("x")
    (entry / "output").chmod(0o555)


def replace_a_link(entry: Path) -> None:
    (entry / "output").chmod(0o755)
    (entry / "output/link").unlink()
    (entry / "output/link").symlink_to("/etc/hostname")
    (entry / "output").chmod(0o555)


def truncate_the_record(entry: Path) -> None:
    record = entry / "entry.json"
    record.chmod(0o644)
    record.write_bytes(record.read_bytes()[:100])


def remove_the_record(entry: Path) -> None:
    (entry / "entry.json").unlink()


def flip_a_bit_of_the_record(entry: Path) -> None:
    record = entry / "entry.json"
    data = bytearray(record.read_bytes())
    data[len(data) // 2] ^= 1
    record.chmod(0o644)
    record.write_bytes(data)


def remove_the_entry(entry: Path) -> None:
    remove_tree(entry)


EVERY_DAMAGE = [
    flip_a_bit,
    edit,
    lose_the_end,
    make_executable,
    remove_a_file,
    add_a_file,
    add_a_file_and_hide_it,
    replace_a_link,
    truncate_the_record,
    remove_the_record,
    flip_a_bit_of_the_record,
    remove_the_entry,
]


def first_step() -> Step[Any]:
    return shell("first", "cd $OUT; mkdir dir; echo hello > dir/text; ln -s dir/text link".replace("$OUT", '"$OUT"'))


def copy_of(first: Step[Any], word: str) -> Step[Any]:
    return shell("second", f'cat "$NEED_a/link" > $OUT/copy; echo {word} >> $OUT/copy', {"a": first})


@pytest.mark.parametrize("damage", EVERY_DAMAGE)
def test_a_damaged_input_is_made_again(toy: Toy, damage: Callable[[Path], None]) -> None:
    first = first_step()
    toy.build(copy_of(first, "one"))
    damage(toy.store.layout.entry(first.key))
    second = copy_of(first, "two")
    result = toy.build(second)
    assert toy.names(StepStarted) == ["first", "second"]
    assert (result.output(second) / "copy").read_text() == "hello\ntwo\n"
    warnings = [event.message for event in toy.events if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "first is damaged and is made again: " in warnings[0]
    started = next(event for event in toy.events if isinstance(event, StepStarted))
    assert started.reason.startswith("damaged in the store: ")
    assert toy.left_behind() == []


@pytest.mark.parametrize("damage", [damage for damage in EVERY_DAMAGE if damage is not flip_a_bit])
def test_a_damaged_target_is_made_again(toy: Toy, damage: Callable[[Path], None]) -> None:
    first = first_step()
    toy.build(first)
    damage(toy.store.layout.entry(first.key))
    result = toy.build(first)
    assert toy.names(StepStarted) == ["first"]
    assert (result.output(first) / "link").read_text() == "hello\n"


def test_damage_of_what_a_build_does_not_use_does_not_concern_it(toy: Toy) -> None:
    first = first_step()
    second = copy_of(first, "one")
    toy.build(second)
    flip_a_bit(toy.store.layout.entry(first.key))
    toy.build(second)
    assert toy.names(StepStarted) == []


def test_damage_in_a_chain_is_repaired_as_far_as_it_goes(toy: Toy) -> None:
    first = first_step()
    second = copy_of(first, "one")

    def third(word: str) -> Step[Any]:
        return shell("third", f'cat "$NEED_a/copy" > $OUT/all; echo {word} >> $OUT/all', {"a": second})

    toy.build(third("x"))
    for step in (first, second):
        remove_the_record(toy.store.layout.entry(step.key))
    last = third("y")
    assert (toy.build(last).output(last) / "all").read_text() == "hello\none\ny\n"
    assert toy.names(StepStarted) == ["first", "second", "third"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 8192, b"no database at all" * 1000, None],
    ids=["empty", "zeros", "garbage", "missing"],
)
def test_a_lost_index_is_made_anew(cache: Path, content: bytes | None) -> None:
    toy = Toy(cache=cache)
    step = first_step()
    toy.build(step)
    toy.close()
    index = cache / "store/index.sqlite"
    index.unlink()
    if content is not None:
        index.write_bytes(content)
    toy = Toy(cache=cache)
    result = toy.build(step)
    toy.close()
    assert (result.built, result.cached) == (0, 1)


def test_an_index_cut_in_the_middle_is_made_anew(cache: Path) -> None:
    toy = Toy(cache=cache)
    steps = [shell(f"s{number}", "echo > $OUT/a") for number in range(3)]
    toy.build(*steps)
    toy.close()
    index = cache / "store/index.sqlite"
    index.write_bytes(index.read_bytes()[:5000])
    toy = Toy(cache=cache)
    result = toy.build(*steps)
    toy.close()
    assert (result.built, result.cached) == (0, 3)


def test_an_entry_that_the_index_missed_is_found(toy: Toy) -> None:
    step = first_step()
    toy.build(step)
    toy.store.index.remove([step.key])
    result = toy.build(step)
    assert (result.built, result.cached) == (0, 1)
    assert list(toy.store.lookup([step.key])) == [step.key]
