import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from builder.store.history import StepUse
from builder.store.store import Store
from tests.unit.store.conftest import key_of, put


def reopened(store: Store) -> Store:
    store.close()
    return Store(store.layout.root)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 4000, b"garbage" * 999],
    ids=["empty", "zeros", "false header", "garbage"],
)
def test_a_damaged_index_is_made_from_the_entries(store: Store, content: bytes) -> None:
    entries = [put(store, name) for name in ("a", "b", "c")]
    store.close()
    store.layout.index.write_bytes(content)
    store = Store(store.layout.root)
    assert {record.key for record in store.entries()} == {entry.key for entry in entries}
    assert store.lookup([entries[0].key]) == {entries[0].key: entries[0].record}
    store.close()


def test_an_index_damaged_under_an_open_store_is_made_anew(store: Store) -> None:
    entry = put(store, "a")
    for name in ("index.sqlite-wal", "index.sqlite-shm"):
        (store.layout.root / name).unlink(missing_ok=True)
    os.truncate(store.layout.index, 100)
    assert list(store.lookup([entry.key])) == [entry.key]


def test_an_index_that_lost_its_tables_is_made_anew(store: Store) -> None:
    entry = put(store, "a")
    store.close()
    connection = sqlite3.connect(store.layout.index)
    connection.execute("DROP TABLE history")
    connection.commit()
    connection.close()
    store = Store(store.layout.root)
    assert store.history("scope", ["a"]) == {}
    store.remember("scope", [StepUse(step="a", key=entry.key, facts={})])
    assert list(store.history("scope", ["a"])) == ["a"]
    store.close()


def test_an_index_of_another_version_is_made_anew(store: Store) -> None:
    entry = put(store, "a")
    store.close()
    connection = sqlite3.connect(store.layout.index)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = Store(store.layout.root)
    assert list(store.lookup([entry.key])) == [entry.key]
    store.close()


def test_ten_thousand_keys_in_one_call(store: Store) -> None:
    record = put(store, "a").record
    keys = [key_of(str(number)) for number in range(10_000)]
    store.index.add([replace(record, key=key) for key in keys])
    absent = [key_of(f"absent {number}") for number in range(100)]
    assert list(store.lookup([*keys, *absent]))[:3] == list(store.lookup(keys))[:3]
    assert store.lookup([*keys, *absent]).keys() == set(keys)
    assert store.lookup([]) == {}


def test_history_is_kept_per_scope(store: Store) -> None:
    first, second = key_of("1"), key_of("2")
    use = StepUse(step="a", key=first, facts={"x": "1"}, duration_s=3.0, peak_memory_bytes=5, size_bytes=9)
    store.remember("here", [use])
    assert store.history("there", ["a"]) == {}
    known = store.history("here", ["a", "b"])["a"]
    assert (known.key, known.facts, known.duration_s, known.size_bytes) == (first, {"x": "1"}, 3.0, 9)
    # Found in the store with other facts: they count for the next reason, the figures of the last run stay.
    store.remember("here", [StepUse(step="a", key=second, facts={"x": "2"})])
    known = store.history("here", ["a"])["a"]
    assert (known.key, known.facts, known.duration_s, known.peak_memory_bytes) == (second, {"x": "2"}, 3.0, 5)


def test_nothing_new_writes_nothing(store: Store) -> None:
    entry = put(store, "a", used_s=1000.0)
    use = StepUse(step="a", key=entry.key, facts={"x": "1"})
    store.remember("here", [use])
    watcher = sqlite3.connect(store.layout.index)
    before = watcher.execute("PRAGMA data_version").fetchone()
    store.remember("here", [use])
    store.touch([entry.key], 1000.0 + 3599)
    assert watcher.execute("PRAGMA data_version").fetchone() == before
    store.touch([entry.key], 1000.0 + 3601)
    assert watcher.execute("PRAGMA data_version").fetchone() != before
    watcher.close()
    assert store.lookup([entry.key])[entry.key].used_s == 4601.0
    # A clock that was set back does not freeze the entry's age.
    store.touch([entry.key], 100.0)
    assert store.lookup([entry.key])[entry.key].used_s == 100.0


PROCESS = """
import sys
from pathlib import Path
from builder.store.store import Store
from tests.unit.store.conftest import put
store = Store(Path(sys.argv[1]))
for number in range(20):
    put(store, f"{sys.argv[2]} {number}")
store.close()
"""


def test_several_processes_may_begin_and_write_at_once(root: Path) -> None:
    repository = Path(__file__).parents[3]
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, str(root), name], cwd=repository) for name in "abc"]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    store = Store(root)
    assert len(store.entries()) == 60
    store.close()


def test_several_threads_share_a_store(store: Store) -> None:
    threads = [threading.Thread(target=put, args=(store, f"thread {number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(store.entries()) == 8


def test_several_processes_may_meet_a_damaged_index_at_once(store: Store) -> None:
    put(store, "first")
    store.close()
    store.layout.index.write_bytes(b"garbage" * 5000)
    repository = Path(__file__).parents[3]
    root = str(store.layout.root)
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, root, name], cwd=repository) for name in "abc"]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    again = Store(store.layout.root)
    keys = list(again.layout.keys_on_disk())
    assert len(keys) == 61
    again.close()
