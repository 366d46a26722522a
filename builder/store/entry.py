"""Entries as they lie on disk: opening one, and comparing it with its record."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.core.digest import Digest
from builder.io.locks import ignore
from builder.store.layout import Layout
from builder.store.record import EntryFile, EntryRecord, NodeKind
from builder.store.tree import compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A complete entry: `output` holds its files, read-only."""

    key: Digest
    output: Path
    file: EntryFile

    @property
    def record(self) -> EntryRecord:
        """What the index says of it."""
        return self.file.record()

    def digest(self, path: str) -> Digest:
        """The recorded digest of the file `path` in the output; `KeyError` when there is no such file."""
        for node in self.file.nodes:
            if node.path == path and node.kind is NodeKind.FILE and node.digest is not None:
                return node.digest
        raise KeyError(path)


def open_entry(layout: Layout, key: Digest) -> Entry | None:
    """The entry of `key`, None when it is absent or its record is unreadable. Files are not looked at."""
    try:
        file = EntryFile.from_bytes(layout.record(key).read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Entry(key=key, output=layout.output(key), file=file) if file.key == key else None


def check_entry(layout: Layout, key: Digest, *, thorough: bool, check: Callable[[], None] = ignore) -> str | None:
    """What is wrong with the entry of `key`, None when nothing is.

    Cheap compares names, sizes, modes and times with the record, thorough also reads every file. `check` is called
    now and then and may raise to end the work.
    """
    if not layout.entry(key).exists():
        return "it is missing"
    entry = open_entry(layout, key)
    if entry is None:
        return "its record entry.json is damaged"
    return compare(entry.output, entry.file.nodes, thorough=thorough, check=check)
