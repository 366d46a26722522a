"""Files written into a FAT partition by the builder, judged by dosfstools and mtools."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.app.provision.card import opened_card
from builder.core.errors import BuilderError
from builder.flash.target import FileTarget
from builder.image.layout import BOOT_BYTES, FIRST_PARTITION_BYTES
from tests.integration.fleet.conftest import Bench

NOW = datetime(2030, 5, 6, 7, 8, 10, tzinfo=UTC)
NODE, CREDENTIAL, KEYS, CONFIG = "node.yaml", "credential.pem", "controller.tar", "kedge.yaml"


def write(card: Path, files: dict[str, bytes]) -> None:
    with opened_card(card) as target:
        target.write(files, NOW)


def test_files_are_there_for_everybody(bench: Bench) -> None:
    card = bench.card()
    content = {NODE: b"format: 1\n" * 200, CREDENTIAL: b"secret"}
    write(card, content)
    assert bench.files(card) == ["EFI/", CREDENTIAL, "grub/", NODE]
    assert {name: bench.read(card, name) for name in content} == content
    assert bench.read(card, "grub/grub.cfg") == b"echo\n"
    assert "2030-05-06" in bench.mtools("mdir", card, f"::{NODE}")
    bench.check(card)


def test_what_was_there_is_replaced_and_overwritten(bench: Bench) -> None:
    card = bench.card()
    write(card, {NODE: b"old" * 1000, CREDENTIAL: b"marked-secret" * 100})
    assert b"marked-secret" in card.read_bytes()
    write(card, {NODE: b"", KEYS: b"keys" * 5000, CONFIG: b"c"})
    assert bench.files(card) == ["EFI/", KEYS, "grub/", CONFIG, NODE]
    assert bench.read(card, NODE) == b""
    assert bench.read(card, KEYS) == b"keys" * 5000
    assert b"marked-secret" not in card.read_bytes()
    bench.check(card)
    write(card, {NODE: b"new"})
    assert bench.files(card) == ["EFI/", "grub/", NODE]
    bench.check(card)


def test_what_others_wrote_is_found_by_any_spelling(bench: Bench) -> None:
    card = bench.card()
    bench.add(card, "NODE.YAML", b"by another program")
    bench.add(card, "Credential.PEM", b"old")
    write(card, {NODE: b"new"})
    assert sorted(name.lower() for name in bench.files(card)) == ["efi/", "grub/", NODE]
    assert bench.read(card, NODE) == b"new"
    bench.check(card)


def test_the_directory_grows(bench: Bench) -> None:
    card = bench.card()
    for number in range(40):
        bench.add(card, f"a file with a long name {number}", bytes([number]))
    write(card, {NODE: b"n", CREDENTIAL: b"c"})
    write(card, {NODE: b"n", KEYS: b"k", CONFIG: b"d"})
    assert bench.read(card, KEYS) == b"k"
    assert bench.read(card, "a file with a long name 39") == bytes([39])
    bench.check(card)


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_changes(bench: Bench, seed: int) -> None:
    chance, card = random.Random(seed), bench.card()  # noqa: S311 - repeatable, not secret
    for _ in range(12):
        names = chance.sample([NODE, CREDENTIAL, KEYS, CONFIG], k=chance.randint(1, 4))
        files = {name: chance.randbytes(chance.choice([0, 1, 511, 512, 513, 20_000])) for name in names}
        if chance.random() < 0.4:
            bench.add(card, f"other{chance.randint(0, 9)}.txt", chance.randbytes(3000))
        write(card, files)
        assert {name: bench.read(card, name) for name in files} == files
    bench.check(card)


def test_a_full_partition_is_told_and_left_as_it_is(bench: Bench) -> None:
    card = bench.card()
    write(card, {NODE: b"old"})
    bench.add(card, "filler", bytes(free(bench, card) - 2048))
    before = card.read_bytes()
    with pytest.raises(
        BuilderError, match=r"card\.img: the FAT partition is full: 20\.0 KiB are needed, 2\.0 KiB are free"
    ):
        write(card, {NODE: bytes(20_000)})
    assert card.read_bytes() == before
    write(card, {NODE: bytes(1024)})
    bench.check(card)


def free(bench: Bench, card: Path) -> int:
    line = bench.mtools("mdir", card, "::").strip().splitlines()[-1]
    return int("".join(letter for letter in line if letter.isdigit()))


class Cut(Exception):  # noqa: N818 - no error, but the end of power
    """The power is gone."""


def test_a_power_cut_at_any_write_leaves_the_old_or_the_new(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    card = bench.card()
    old, new = {NODE: b"old" * 900, CREDENTIAL: b"o"}, {NODE: b"new" * 1500, CREDENTIAL: b"n" * 700}
    write(card, old)
    start = card.read_bytes()
    real = FileTarget.write
    writes = 0
    while True:
        card.write_bytes(start)
        done = 0

        def cut(self: FileTarget, data: memoryview, offset: int, *, last: int = writes) -> None:
            nonlocal done
            if done == last:
                raise Cut
            done += 1
            real(self, data, offset)

        with monkeypatch.context() as patch:
            patch.setattr(FileTarget, "write", cut)
            try:
                write(card, new)
            except Cut:
                pass
            else:
                break
        found = {name: bench.read(card, name) for name in old}
        assert found in (old, new), f"after {writes} writes"
        # Another try mends it.
        write(card, new)
        assert {name: bench.read(card, name) for name in new} == new
        writes += 1
    assert writes >= 6


def change(card: Path, offset: int, data: bytes) -> None:
    with card.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


@pytest.mark.parametrize(
    ("offset", "data", "problem"),
    [
        (510, b"\0\0", "no partition table|no image of a disk"),
        (446 + 4, b"\x83", "there is no FAT partition"),
        (446 + 12, b"\xff\xff\xff\x7f", "partition 1 ends at byte"),
        (FIRST_PARTITION_BYTES + 510, b"\0\0", "its first sector is not a file system's"),
        (FIRST_PARTITION_BYTES + 11, b"\0\x10", "no FAT32 with sectors of 512 bytes"),
        (FIRST_PARTITION_BYTES + 13, b"\x03", "its description contradicts itself"),
        (FIRST_PARTITION_BYTES + 44, b"\xff\xff\xff\x0f", "its description contradicts itself"),
        (FIRST_PARTITION_BYTES + 32 * 512 + 8, b"\xff\xff\xff\x05", "a file's chain leads to cluster"),
        (FIRST_PARTITION_BYTES + 32 * 512 + 8, b"\x02\0\0\0", "a file's chain leads to cluster 2"),
    ],
)
def test_what_is_no_sound_card_is_refused(bench: Bench, offset: int, data: bytes, problem: str) -> None:
    card = bench.card()
    change(card, offset, data)
    before = card.read_bytes()
    with pytest.raises(BuilderError, match=problem):
        write(card, {NODE: b"x"})
    assert card.read_bytes() == before


def test_other_disks_and_files_in_the_way_are_refused(bench: Bench) -> None:
    card = bench.card()
    bench.mtools("mmd", card, f"::{NODE}")
    with pytest.raises(BuilderError, match=r"node\.yaml on the FAT partition is a directory"):
        write(card, {NODE: b"x"})
    other = bench.card("other.img")
    bench.mtools("mdeltree", other, "::grub")
    with pytest.raises(BuilderError, match="no card or image of builder's"):
        write(other, {NODE: b"x"})
    with other.open("r+b") as stream:
        stream.truncate(FIRST_PARTITION_BYTES + BOOT_BYTES // 2)
    with pytest.raises(BuilderError, match=r"other\.img: partition 1 ends at byte"):
        write(other, {NODE: b"x"})
    (bench.directory / "a.img.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(600))
    with pytest.raises(BuilderError, match="is compressed: files in it cannot be changed"):
        write(bench.directory / "a.img.zst", {NODE: b"x"})
    with pytest.raises(BuilderError, match="cannot be read: No such file"):
        write(bench.directory / "missing.img", {NODE: b"x"})


def test_a_card_that_forgets_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    card = bench.card()
    monkeypatch.setattr(FileTarget, "write", lambda *_: None)
    with pytest.raises(BuilderError, match=r"does not hold what was written to node\.yaml"):
        write(card, {NODE: b"x"})
