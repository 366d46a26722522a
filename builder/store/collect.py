"""Keeping a store small and sound: statistics, garbage collection, verification."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.files import remove_tree
from builder.io.locks import ignore, open_lock, release, try_acquire
from builder.store.layout import Layout
from builder.store.record import EntryRecord
from builder.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class KindStats:
    """How much the entries of one kind of step hold."""

    kind: str
    entries: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """How much a store holds; `oldest_use_s` is None when it is empty."""

    entries: int
    size_bytes: int
    oldest_use_s: float | None
    kinds: Sequence[KindStats]


@dataclass(frozen=True, slots=True, kw_only=True)
class GcReport:
    """What a garbage collection removed and kept; `leftovers` counts unfinished work of builders that died."""

    removed: Sequence[EntryRecord]
    removed_bytes: int
    kept: int
    kept_bytes: int
    leftovers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """An entry that is not what it was when it was made."""

    key: Digest
    step: str
    what: str


def stats(store: Store) -> StoreStats:
    """Sums over all entries, the largest kind first."""
    records = store.entries()
    kinds: dict[str, KindStats] = {}
    for record in records:
        known = kinds.get(record.kind, KindStats(kind=record.kind, entries=0, size_bytes=0))
        kinds[record.kind] = KindStats(
            kind=record.kind, entries=known.entries + 1, size_bytes=known.size_bytes + record.size_bytes
        )
    return StoreStats(
        entries=len(records),
        size_bytes=sum(record.size_bytes for record in records),
        oldest_use_s=records[0].used_s if records else None,
        kinds=sorted(kinds.values(), key=lambda kind: (-kind.size_bytes, kind.kind)),
    )


def verify(
    store: Store,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    check: Callable[[], None] = ignore,
) -> list[Damage]:
    """Read every entry and name the damaged ones; nothing is removed.

    `progress` is called with the number of entries done and in all.
    """
    known = {record.key: record for record in store.entries()}
    keys = sorted({*known, *store.layout.keys_on_disk()})
    found = []
    with store.at_work():
        for number, key in enumerate(keys):
            progress(number, len(keys))
            what = store.check(key, thorough=True, check=check)
            if what is not None:
                found.append(Damage(key=key, step=known[key].step if key in known else "", what=what))
        progress(len(keys), len(keys))
    return found


def collect_garbage(
    store: Store, *, now_s: float, max_bytes: int | None = None, max_age_s: float | None = None
) -> GcReport:
    """Remove entries not used for `max_age_s`, then the least recently used until all fit in `max_bytes`.

    Also removes what dead builders left behind. `BuilderError` while a builder works on the store.
    """
    descriptor = open_lock(store.layout.lock)
    try:
        if not try_acquire(descriptor):
            raise BuilderError(
                f"a builder is at work on the store {store.layout.root}",
                hint="collect garbage when it is done; it would otherwise lose what it is about to use",
            )
        leftovers = _remove_leftovers(store.layout)
        _adopt_strays(store)
        return _collect(store, now_s, max_bytes, max_age_s, leftovers)
    finally:
        release(descriptor)


def _collect(store: Store, now_s: float, max_bytes: int | None, max_age_s: float | None, leftovers: int) -> GcReport:
    kept = store.entries()
    total = sum(record.size_bytes for record in kept)
    removed: list[EntryRecord] = []
    while kept:
        oldest = kept[0]
        too_old = max_age_s is not None and now_s - oldest.used_s > max_age_s
        too_much = max_bytes is not None and total > max_bytes
        if not (too_old or too_much):
            break
        store.discard(oldest.key)
        store.layout.key_lock(oldest.key).unlink(missing_ok=True)
        total -= oldest.size_bytes
        removed.append(kept.pop(0))
    return GcReport(
        removed=removed,
        removed_bytes=sum(record.size_bytes for record in removed),
        kept=len(kept),
        kept_bytes=total,
        leftovers=leftovers,
    )


def _remove_leftovers(layout: Layout) -> int:
    """Remove unfinished work and unused locks: nobody works, so all of it is dead."""
    leftovers = list(layout.work.iterdir())
    for place in leftovers:
        remove_tree(place)
    for lock in layout.locks.iterdir():
        lock.unlink(missing_ok=True)
    return len(leftovers)


def _adopt_strays(store: Store) -> None:
    """Make the index agree with the entries on disk."""
    known = {record.key for record in store.entries()}
    present = set(store.layout.keys_on_disk())
    store.index.remove(known - present)
    for key in present - known:
        entry = store.open(key)
        if entry is None:
            store.discard(key)
        else:
            store.index.add([entry.record])
