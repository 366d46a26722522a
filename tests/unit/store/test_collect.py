from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.io.files import remove_tree
from builder.store.collect import collect_garbage, stats, verify
from builder.store.store import Store
from tests.unit.store.conftest import key_of, put


@pytest.fixture
def filled(store: Store) -> Store:
    for name, size_bytes, used_s in (("old", 100, 1000.0), ("middle", 50, 2000.0), ("new", 200, 3000.0)):
        put(store, name, size_bytes=size_bytes, used_s=used_s, kind="large" if size_bytes > 99 else "small")
    return store


def names(store: Store) -> list[str]:
    return [record.step for record in store.entries()]


def test_stats(filled: Store) -> None:
    told = stats(filled)
    assert (told.entries, told.size_bytes, told.oldest_use_s) == (3, 350, 1000.0)
    assert [(kind.kind, kind.entries, kind.size_bytes) for kind in told.kinds] == [("large", 2, 300), ("small", 1, 50)]


def test_an_empty_store(store: Store) -> None:
    assert (stats(store).entries, stats(store).oldest_use_s) == (0, None)
    assert verify(store) == []
    assert collect_garbage(store, now_s=1.0, max_bytes=0, max_age_s=0).kept == 0


def test_the_least_recently_used_go_first(filled: Store) -> None:
    filled.touch([key_of("old")], 9000.0)
    report = collect_garbage(filled, now_s=9000.0, max_bytes=300)
    assert [record.step for record in report.removed] == ["middle"]
    assert (report.removed_bytes, report.kept, report.kept_bytes) == (50, 2, 300)
    assert names(filled) == ["new", "old"]
    assert filled.open(key_of("middle")) is None
    assert verify(filled) == []


def test_old_entries_go_even_when_there_is_room(filled: Store) -> None:
    report = collect_garbage(filled, now_s=4000.0, max_bytes=10_000, max_age_s=1500)
    assert [record.step for record in report.removed] == ["old", "middle"]
    assert names(filled) == ["new"]


def test_without_limits_only_leftovers_go(filled: Store) -> None:
    left = filled.layout.work / f"{key_of('dead').hex}.1/entry/output"
    left.mkdir(parents=True)
    left.chmod(0o555)
    report = collect_garbage(filled, now_s=1e9)
    assert (list(report.removed), report.kept, report.leftovers) == ([], 3, 1)
    assert list(filled.layout.work.iterdir()) == []
    assert list(filled.layout.locks.iterdir()) == []


def test_never_while_a_builder_works(filled: Store) -> None:
    other = Store(filled.layout.root)
    with other.at_work(), pytest.raises(BuilderError, match="a builder is at work on the store"):
        collect_garbage(filled, now_s=1e9, max_bytes=0)
    assert len(names(filled)) == 3
    with other.at_work(), filled.at_work():
        pass
    other.close()
    assert collect_garbage(filled, now_s=1e9, max_bytes=0).kept == 0


def test_the_index_is_brought_in_line(filled: Store) -> None:
    filled.index.remove([key_of("old")])
    remove_tree(filled.layout.entry(key_of("middle")))
    (filled.layout.entries / "README").write_text("not ours")
    broken = filled.layout.entry(key_of("broken"))
    broken.mkdir(parents=True)
    report = collect_garbage(filled, now_s=1e9)
    assert report.kept == 2
    assert names(filled) == ["old", "new"]
    assert not broken.exists()


def test_verifying_names_what_is_damaged_and_removes_nothing(filled: Store) -> None:
    for name, file in (("old", "output/data"), ("new", "entry.json")):
        place: Path = filled.layout.entry(key_of(name)) / file
        place.chmod(0o644)
        place.write_bytes(b"y")
        place.chmod(0o444)
    remove_tree(filled.layout.entry(key_of("middle")))
    steps: list[tuple[int, int]] = []
    found = {damage.step: damage.what for damage in verify(filled, progress=lambda *step: steps.append(step))}
    assert found == {
        "old": "the time of data has changed",
        "new": "its record entry.json is damaged",
        "middle": "it is missing",
    }
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert filled.layout.entry(key_of("old")).exists()
