import os
import stat
import threading
from pathlib import Path

import pytest

from builder.core.digest import Digest
from builder.core.errors import BuilderError, InterruptedBuildError
from builder.io.cancel import CancelToken
from builder.store.record import EntryFile, Made, NodeKind
from builder.store.store import Store
from builder.store.tree import SEALED_MTIME_S
from tests.unit.store.conftest import key_of, put

MADE = Made(step="s", kind="k", facts={})


def test_an_entry_is_absent_then_complete(store: Store) -> None:
    key = key_of("a")
    assert store.lookup([key]) == {}
    assert store.open(key) is None
    assert store.check(key, thorough=False) == "it is missing"
    entry = put(store, "a")
    assert store.lookup([key]) == {key: entry.record}
    opened = store.open(key)
    assert opened == entry
    assert (entry.output / "data").read_bytes() == b"x" * 10
    assert entry.digest("data") == Digest.of_bytes(b"x" * 10)
    with pytest.raises(KeyError):
        entry.digest("other")
    assert store.check(key, thorough=True) is None
    assert list(store.layout.work.iterdir()) == []


def test_a_record_keeps_what_making_it_took(store: Store) -> None:
    record = put(store, "a", size_bytes=11).record
    assert (record.step, record.kind, record.size_bytes, record.files) == ("a", "kind", 11, 1)
    assert (record.duration_s, record.peak_memory_bytes, record.downloaded_bytes) == (2.5, 7, 3)
    assert (record.created_s, record.used_s) == (1000.0, 1000.0)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_an_entry_depends_on_no_umask_and_no_clock(store: Store, umask: int) -> None:
    before = os.umask(umask)
    try:
        with store.claim(key_of("a")) as claim:
            (claim.output / "dir").mkdir()
            (claim.output / "dir/plain").write_text("x")
            (claim.output / "run").write_text("x")
            (claim.output / "run").chmod(0o6711)
            (claim.output / "secret").write_text("x")
            (claim.output / "secret").chmod(0o000)
            (claim.output / "link").symlink_to("dir/plain")
            entry = claim.commit(MADE)
    finally:
        os.umask(before)
    modes = {str(path.relative_to(entry.output)): path.lstat() for path in entry.output.rglob("*")}
    assert {name: stat.S_IMODE(status.st_mode) for name, status in modes.items() if name != "link"} == {
        "dir": 0o555,
        "dir/plain": 0o444,
        "run": 0o555,
        "secret": 0o444,
    }
    assert {status.st_mtime for status in modes.values()} == {SEALED_MTIME_S}
    kinds = [(node.path, node.kind, node.target) for node in entry.file.nodes]
    assert kinds == [
        ("dir", NodeKind.DIRECTORY, ""),
        ("dir/plain", NodeKind.FILE, ""),
        ("link", NodeKind.LINK, "dir/plain"),
        ("run", NodeKind.FILE, ""),
        ("secret", NodeKind.FILE, ""),
    ]
    assert store.check(entry.key, thorough=True) is None


def test_names_that_are_no_text_survive(store: Store) -> None:
    with store.claim(key_of("a")) as claim:
        odd = os.fsencode(claim.output) + b"/\xff\xfe name\n"
        with open(odd, "w") as stream:  # noqa: PTH123 - the name is bytes
            stream.write("x")
        (claim.output / "link").symlink_to(os.fsdecode(b"\xff"))
        claim.commit(MADE)
    assert store.check(key_of("a"), thorough=True) is None


def test_a_file_that_is_linked_elsewhere_gets_an_inode_of_its_own(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "cache"
    outside.write_text("cached")
    with store.claim(key_of("a")) as claim:
        (claim.output / "one").hardlink_to(outside)
        (claim.output / "two").write_text("inner")
        (claim.output / "three").hardlink_to(claim.output / "two")
        entry = claim.commit(MADE)
    outside.write_text("changed")
    assert (entry.output / "one").read_text() == "cached"
    assert stat.S_IMODE(outside.stat().st_mode) & 0o200
    assert (entry.output / "two").stat().st_nlink == 2
    assert store.check(entry.key, thorough=True) is None


@pytest.mark.parametrize("what", ["pipe", "link"])
def test_what_cannot_be_kept_is_refused(store: Store, what: str) -> None:
    with store.claim(key_of("a")) as claim:
        if what == "pipe":
            os.mkfifo(claim.output / what)
        else:
            (claim.output / what).symlink_to(claim.output / "target")
        with pytest.raises(BuilderError, match=f"a step made {what}, "):
            claim.commit(MADE)
    assert store.open(key_of("a")) is None
    assert list(store.layout.work.iterdir()) == []


def test_a_claim_without_commit_leaves_nothing(store: Store) -> None:
    def fail_half_way() -> None:
        with store.claim(key_of("a")) as claim:
            (claim.output / "half").write_text("x")
            (claim.scratch / "junk").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert store.open(key_of("a")) is None
    assert list(store.layout.work.iterdir()) == []
    assert list(store.layout.keys_on_disk()) == []


def test_a_cancelled_commit_leaves_nothing(store: Store) -> None:
    cancel = CancelToken()
    with store.claim(key_of("a")) as claim:
        (claim.output / "data").write_text("x")
        cancel.set()
        with pytest.raises(InterruptedBuildError):
            claim.commit(MADE, check=cancel.check)
    assert store.open(key_of("a")) is None
    assert list(store.layout.work.iterdir()) == []


def test_a_second_claim_waits_and_gets_the_entry(store: Store) -> None:
    waiting = threading.Event()
    seen: list[bool] = []

    def second() -> None:
        with store.claim(key_of("a"), on_wait=waiting.set) as claim:
            seen.append(claim.entry is not None)

    with store.claim(key_of("a")) as claim:
        assert claim.entry is None
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        (claim.output / "data").write_text("x")
        claim.commit(MADE)
    thread.join(60)
    assert seen == [True]


def test_leftovers_of_the_same_key_are_removed_and_others_kept(store: Store) -> None:
    for name in ("a", "b"):
        left = store.layout.work / f"{key_of(name).hex}.1234" / "entry/output"
        left.mkdir(parents=True)
        (left / "half").write_text("x")
        left.chmod(0o555)
    with store.claim(key_of("a")):
        names = [path.name for path in store.layout.work.iterdir()]
    assert f"{key_of('a').hex}.1234" not in names
    assert f"{key_of('b').hex}.1234" in names


def test_a_claim_does_not_trust_an_existing_entry_blindly(store: Store) -> None:
    entry = put(store, "a")
    (entry.output / "data").chmod(0o644)
    (entry.output / "data").write_bytes(b"y" * 10)
    with store.claim(key_of("a")) as claim:
        assert claim.entry is None
        (claim.output / "data").write_bytes(b"x" * 10)
        claim.commit(MADE)
    assert store.check(key_of("a"), thorough=True) is None


def test_repairing_discards_what_is_damaged_only(store: Store) -> None:
    good, bad = put(store, "good"), put(store, "bad")
    (bad.output / "data").chmod(0o644)
    assert store.repair(good.key, thorough=True) is None
    assert store.repair(bad.key, thorough=False) == "the mode of data has changed"
    assert store.open(good.key) == good
    assert store.open(bad.key) is None
    assert list(store.lookup([good.key, bad.key])) == [good.key]


def test_discarding_what_is_absent_is_no_error(store: Store) -> None:
    store.discard(key_of("a"))


def test_the_record_survives_its_written_form() -> None:
    file = EntryFile(key=key_of("a"), made=MADE, created_s=1.5, nodes=[])
    assert EntryFile.from_bytes(file.to_bytes()) == file


@pytest.mark.parametrize("position", [0, 10, 60, -3])
def test_a_record_with_a_flipped_bit_is_refused(position: int) -> None:
    data = bytearray(EntryFile(key=key_of("a"), made=MADE, created_s=1.5, nodes=[]).to_bytes())
    data[position] ^= 1
    with pytest.raises(ValueError, match="digest"):
        EntryFile.from_bytes(bytes(data))


def test_an_entry_under_a_foreign_key_is_not_believed(store: Store) -> None:
    put(store, "a").output.parent.rename(store.layout.entries / key_of("a").hex[:2] / key_of("b").hex)
    target = store.layout.entry(key_of("b"))
    target.parent.mkdir(exist_ok=True)
    (store.layout.entries / key_of("a").hex[:2] / key_of("b").hex).rename(target)
    assert store.open(key_of("b")) is None
