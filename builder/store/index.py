"""The store's index: an SQLite file derived from the entries, thrown away and made anew when it is damaged.

Only history (reasons and estimates) is lost with it; results never are.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.locks import locked
from builder.store.history import StepHistory, StepUse
from builder.store.record import EntryRecord

# Raised with every change of the tables; an index of another version is made anew.
_VERSION = 1
_BUSY_S = 30.0
# Placeholders in one statement; SQLite allowed 999 before 3.32, and larger batches are no faster.
_BATCH = 500
# The least time between two notes that an entry was used, so that a build with nothing to do writes nothing.
_TOUCH_S = 3600.0
# Result codes that mean damage; SQLITE_ERROR is "no such table": the file lost its schema. Other failures to read and
# write (a full disk, no permission) say nothing about the content and must not throw it away.
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_DAMAGE_EXTENDED = frozenset({sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_READONLY_DBMOVED})
_COLUMNS = "key, step, kind, size_bytes, files, created_s, used_s, duration_s, peak_memory_bytes, downloaded_bytes"
_SCHEMA = f"""
CREATE TABLE entries (
    key TEXT PRIMARY KEY, step TEXT NOT NULL, kind TEXT NOT NULL, size_bytes INTEGER NOT NULL, files INTEGER NOT NULL,
    created_s REAL NOT NULL, used_s REAL NOT NULL, duration_s REAL NOT NULL, peak_memory_bytes INTEGER NOT NULL,
    downloaded_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE history (
    scope TEXT NOT NULL, step TEXT NOT NULL, key TEXT NOT NULL, facts TEXT NOT NULL, duration_s REAL,
    peak_memory_bytes INTEGER, size_bytes INTEGER, PRIMARY KEY (scope, step)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""
_ADD = f"INSERT OR REPLACE INTO entries ({_COLUMNS}) VALUES ({', '.join('?' * 10)})"  # noqa: S608 - constants only
_REMEMBER = """
INSERT INTO history (scope, step, key, facts, duration_s, peak_memory_bytes, size_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (scope, step) DO UPDATE SET key = excluded.key, facts = excluded.facts,
    duration_s = COALESCE(excluded.duration_s, duration_s),
    peak_memory_bytes = COALESCE(excluded.peak_memory_bytes, peak_memory_bytes),
    size_bytes = COALESCE(excluded.size_bytes, size_bytes)
"""

ResultT = TypeVar("ResultT")


class Index:
    """Reads and writes the index at `path`; `scan` yields the records of all entries on disk, to make it anew from.

    Safe for several threads and several processes.
    """

    def __init__(self, path: Path, scan: Callable[[], Iterable[EntryRecord]]) -> None:
        self._path = path
        self._scan = scan
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def lookup(self, keys: Sequence[Digest]) -> dict[Digest, EntryRecord]:
        """The records of those of `keys` that are known."""

        def read(connection: sqlite3.Connection) -> dict[Digest, EntryRecord]:
            by_text = {str(key): key for key in keys}
            rows = _select(connection, f"SELECT {_COLUMNS} FROM entries WHERE key IN", list(by_text))  # noqa: S608
            return {by_text[row[0]]: _record(by_text[row[0]], row) for row in rows}

        return self._run(read)

    def all(self) -> list[EntryRecord]:
        """The records of all entries, least recently used first."""
        query = f"SELECT {_COLUMNS} FROM entries ORDER BY used_s, key"  # noqa: S608 - constants only
        return self._run(lambda connection: [_record(Digest(row[0]), row) for row in connection.execute(query)])

    def add(self, records: Iterable[EntryRecord]) -> None:
        """Note complete entries."""
        rows = [_values(record) for record in records]
        self._run(lambda connection: connection.executemany(_ADD, rows))

    def remove(self, keys: Iterable[Digest]) -> None:
        """Forget entries."""
        rows = [(str(key),) for key in keys]
        self._run(lambda connection: connection.executemany("DELETE FROM entries WHERE key = ?", rows))

    def touch(self, keys: Sequence[Digest], now_s: float) -> None:
        """Note that entries were used; nothing is written for those that were noted within the last hour."""
        known = self.lookup(keys)
        old = [(now_s, str(key)) for key, record in known.items() if not 0 <= now_s - record.used_s < _TOUCH_S]
        if old:
            self._run(lambda connection: connection.executemany("UPDATE entries SET used_s = ? WHERE key = ?", old))

    def history(self, scope: str, steps: Sequence[str]) -> dict[str, StepHistory]:
        """What is remembered of those of `steps` that were used in `scope`."""

        def read(connection: sqlite3.Connection) -> dict[str, StepHistory]:
            query = (
                "SELECT step, key, facts, duration_s, peak_memory_bytes, size_bytes FROM history"
                " WHERE scope = ? AND step IN"
            )
            return {row[0]: _history(row) for row in _select(connection, query, list(steps), scope)}

        return self._run(read)

    def remember(self, scope: str, uses: Sequence[StepUse]) -> None:
        """Note the use of steps; nothing is written for those that did not run and are known with the same key."""

        def write(connection: sqlite3.Connection) -> None:
            query = "SELECT step, key FROM history WHERE scope = ? AND step IN"
            known: dict[str, str] = {
                row[0]: row[1] for row in _select(connection, query, [use.step for use in uses], scope)
            }
            rows = [
                _use_values(scope, use) for use in uses if use.duration_s is not None or known.get(use.step) != use.key
            ]
            if rows:
                connection.executemany(_REMEMBER, rows)

        self._run(write)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _run(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        """Do `work` in a transaction; on a damaged index, once more on a new one."""
        with self._lock:
            try:
                return self._try(work)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise _explain(self._path, error) from error
            self.close()
            self._make_anew()
            try:
                return self._try(work)
            except sqlite3.DatabaseError as error:
                raise _explain(self._path, error) from error

    def _try(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        if self._connection is None:
            self._connection = self._open()
        with self._connection:
            return work(self._connection)

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        if not _is_current(connection):
            connection.close()
            self._make_anew()
            connection = self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        # The lock makes sharing between threads safe.
        connection = sqlite3.connect(self._path, timeout=_BUSY_S, check_same_thread=False)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _make_anew(self) -> None:
        """Replace the index by one made from the entries, unless another builder has just done so."""
        with locked(self._path.with_suffix(".lock")):
            if self._is_usable():
                return
            for name in (self._path.name, f"{self._path.name}-wal", f"{self._path.name}-shm"):
                self._path.with_name(name).unlink(missing_ok=True)
            connection = self._connect()
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
                with connection:
                    connection.executemany(_ADD, [_values(record) for record in self._scan()])
            finally:
                connection.close()

    def _is_usable(self) -> bool:
        try:
            connection = self._connect()
            try:
                return _is_current(connection) and _is_whole(connection)
            finally:
                connection.close()
        except sqlite3.DatabaseError:
            return False


def _is_current(connection: sqlite3.Connection) -> bool:
    row: tuple[int] = next(connection.execute("PRAGMA user_version"))
    return row[0] == _VERSION


def _is_whole(connection: sqlite3.Connection) -> bool:
    row: tuple[str] = next(connection.execute("PRAGMA quick_check(1)"))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return row[0] == "ok" and tables >= {"entries", "history"}


def _select(connection: sqlite3.Connection, query: str, values: Sequence[str], *first: str) -> Iterator[Sequence[Any]]:
    """The rows of `query`, which ends with `IN`, for all `values`."""
    for start in range(0, len(values), _BATCH):
        batch = values[start : start + _BATCH]
        yield from connection.execute(f"{query} ({','.join('?' * len(batch))})", (*first, *batch))


def _values(record: EntryRecord) -> tuple[str | int | float, ...]:
    return (
        str(record.key),
        record.step,
        record.kind,
        record.size_bytes,
        record.files,
        record.created_s,
        record.used_s,
        record.duration_s,
        record.peak_memory_bytes,
        record.downloaded_bytes,
    )


def _use_values(scope: str, use: StepUse) -> tuple[str | int | float | None, ...]:
    facts = json.dumps(dict(use.facts))
    return scope, use.step, str(use.key), facts, use.duration_s, use.peak_memory_bytes, use.size_bytes


def _record(key: Digest, row: Sequence[Any]) -> EntryRecord:
    return EntryRecord(
        key=key,
        step=row[1],
        kind=row[2],
        size_bytes=row[3],
        files=row[4],
        created_s=row[5],
        used_s=row[6],
        duration_s=row[7],
        peak_memory_bytes=row[8],
        downloaded_bytes=row[9],
    )


def _history(row: Sequence[Any]) -> StepHistory:
    return StepHistory(
        key=Digest(row[1]),
        facts=json.loads(row[2]),
        duration_s=row[3],
        peak_memory_bytes=row[4],
        size_bytes=row[5],
    )


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = error.sqlite_errorcode
    return code & 0xFF in _DAMAGE or code in _DAMAGE_EXTENDED


def _explain(path: Path, error: sqlite3.DatabaseError) -> BuilderError:
    hint = "free some space there" if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL else ""
    return BuilderError(f"the store's index {path} cannot be used: {error}", hint=hint)
