"""The store: what steps have made, by key; entries complete or absent, safe for several builders at once."""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from builder.core.digest import Digest
from builder.io.cancel import CancelToken
from builder.io.files import remove_tree
from builder.io.locks import ignore, locked
from builder.store.claim import Claim
from builder.store.entry import Entry, check_entry, open_entry
from builder.store.history import StepHistory, StepUse
from builder.store.index import Index
from builder.store.layout import Layout
from builder.store.record import EntryRecord


class Store:
    """The store in directory `root`, which is created when missing.

    `BuilderError` when the directory cannot be written or belongs to a newer builder. Threads may share one.
    """

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root=root)
        self.layout.create()
        self.index = Index(self.layout.index, self._scan)

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    @contextmanager
    def at_work(self, *, cancel: CancelToken | None = None, on_wait: Callable[[], None] = ignore) -> Iterator[None]:
        """Keep garbage collection away while the block runs; `on_wait` is called when one is under way."""
        self.layout.require_writable()
        with locked(self.layout.lock, shared=True, cancel=cancel, on_wait=on_wait):
            yield

    def lookup(self, keys: Sequence[Digest]) -> dict[Digest, EntryRecord]:
        """What the index knows of `keys`; no entry is looked at."""
        return self.index.lookup(keys)

    def history(self, scope: str, steps: Sequence[str]) -> dict[str, StepHistory]:
        """What is remembered of the last use of `steps` in `scope`; steps never used are missing."""
        return self.index.history(scope, steps)

    def remember(self, scope: str, uses: Sequence[StepUse]) -> None:
        """Note the use of steps; writes nothing for cached steps that are known with the same key."""
        self.index.remember(scope, uses)

    def touch(self, keys: Sequence[Digest], now_s: float) -> None:
        """Note that entries were used at `now_s`; written at most once an hour per entry."""
        self.index.touch(keys, now_s)

    def open(self, key: Digest) -> Entry | None:
        """The entry of `key`, None when it is absent or its record is unreadable. Files are not looked at."""
        return open_entry(self.layout, key)

    def check(self, key: Digest, *, thorough: bool, check: Callable[[], None] = ignore) -> str | None:
        """See `check_entry`."""
        return check_entry(self.layout, key, thorough=thorough, check=check)

    def repair(
        self, key: Digest, *, thorough: bool, cancel: CancelToken | None = None, check: Callable[[], None] = ignore
    ) -> str | None:
        """Check the entry of `key` and discard it when it is damaged; what was wrong, None when nothing is."""
        damage = self.check(key, thorough=thorough, check=check)
        if damage is None:
            return None
        with locked(self.layout.key_lock(key), cancel=cancel):
            # Another builder may have made it anew meanwhile.
            if self.check(key, thorough=thorough, check=check) is not None:
                self._discard(key)
        return damage

    def discard(self, key: Digest) -> None:
        """Remove the entry of `key`; waits while a builder makes it."""
        with locked(self.layout.key_lock(key)):
            self._discard(key)

    @contextmanager
    def claim(
        self, key: Digest, *, cancel: CancelToken | None = None, on_wait: Callable[[], None] = ignore
    ) -> Iterator[Claim]:
        """The sole right to make `key` while the block runs; `on_wait` is called when another builder makes it now.

        When `claim.entry` is set afterwards, that other builder (or an earlier one) was done with it. What builders
        left behind that died while they made `key` is removed, and so is a damaged entry.
        """
        with locked(self.layout.key_lock(key), cancel=cancel, on_wait=on_wait):
            self._remove_leftovers(key)
            # Also an entry that is there already may be one that the index missed, and nobody has looked at since.
            entry = self.open(key) if self.check(key, thorough=True) is None else None
            if entry is None:
                self._discard(key)
            else:
                self._note(entry)
            claim = Claim(self.layout, self.index, key, entry)
            try:
                yield claim
            finally:
                claim.clean()

    def entries(self) -> list[EntryRecord]:
        """All entries that the index knows, least recently used first."""
        return self.index.all()

    def _note(self, entry: Entry) -> None:
        """Tell the index of an entry that it may have missed: a builder can die right before it does."""
        if entry.key not in self.index.lookup([entry.key]):
            self.index.add([entry.record])

    def _discard(self, key: Digest) -> None:
        if self.index.lookup([key]):
            self.index.remove([key])
        doomed = self.layout.work / f"{key.hex}.{secrets.token_hex(4)}"
        try:
            # First out of sight, in one step; then file by file.
            self.layout.entry(key).rename(doomed)
        except FileNotFoundError:
            return
        remove_tree(doomed)

    def _remove_leftovers(self, key: Digest) -> None:
        for name in os.listdir(self.layout.work):  # noqa: PTH208 - only names are needed
            if name.startswith(f"{key.hex}."):
                remove_tree(self.layout.work / name)

    def _scan(self) -> Iterable[EntryRecord]:
        for key in self.layout.keys_on_disk():
            entry = self.open(key)
            if entry is not None:
                yield entry.record
