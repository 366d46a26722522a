"""Files of the root directory replaced, added and removed, as writes to the disk in an order that a power cut does not spoil.

First the content, in clusters that nothing used; then the tables; then the directory, at which moment the files are there; last,
what was there before is freed and overwritten. Cut off in between, clusters may stay taken, which fsck.vfat gives back.
"""

import struct
import sys
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from builder.core.errors import BuilderError
from builder.core.resources import format_size
from builder.formats.fat.entries import (
    DIRECTORY,
    ENTRY_BYTES,
    READ_ONLY,
    Entry,
    free_run,
    new_entries,
    read_entries,
    with_content,
)
from builder.formats.fat.geometry import FIRST_CLUSTER, SECTOR_BYTES, Geometry, Read, damaged

_MASK, _LAST, _BAD = 0x0FFFFFFF, 0x0FFFFFF8, 0x0FFFFFF7
_INFO_SIGNATURES = ((0, b"RRaA"), (484, b"rrAa"))
_INFO_COUNT = 488
_DELETED = 0xE5


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Whole sectors at an offset of the disk."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The files of the root directory that shall be there, and the names that shall not."""

    files: Mapping[str, bytes]
    absent: Collection[str]
    when: datetime


class Volume:
    """The tables and the root directory of a FAT32, in memory."""

    def __init__(self, read: Read, geometry: Geometry) -> None:
        self._read = read
        self.geometry = geometry
        self._before = read(geometry.table_start, geometry.table_bytes)
        self._table = array("I", self._before)
        if sys.byteorder == "big":
            self._table.byteswap()
        self._root = self._chain(geometry.root_cluster)
        self._directory = bytearray(b"".join(self._content(cluster) for cluster in self._root))

    def entries(self) -> list[Entry]:
        """What is in the root directory."""
        return list(read_entries(bytes(self._directory)))

    def find(self, name: str) -> Entry | None:
        """The entry called `name`; FAT does not tell capitals from small letters."""
        return next((entry for entry in self.entries() if entry.name.lower() == name.lower()), None)

    def content(self, name: str) -> bytes | None:
        """What the file `name` holds, None where there is none."""
        entry = self.find(name)
        if entry is None:
            return None
        clusters = self._chain(entry.cluster) if entry.cluster else []
        return b"".join(map(self._content, clusters))[: entry.size_bytes]

    def change(self, wanted: Wanted) -> Sequence[Sequence[Write]]:
        """The stages of writes that make `wanted` true; each must be on the disk before the next begins."""
        plan = _Plan()
        self.check(wanted)
        for name, data in wanted.files.items():
            self._put(name, data, wanted.when, plan)
        for name in wanted.absent:
            entry = self.find(name)
            if entry:
                plan.old += self._chain(entry.cluster) if entry.cluster else []
                for slot in range(entry.first_slot, entry.slot + 1):
                    self._directory[slot * ENTRY_BYTES] = _DELETED
        tables = self._table_writes()
        directory = self._directory_writes()
        for cluster in plan.old:
            self._set(cluster, 0)
        wiped = [self._at(cluster, bytes(self.geometry.cluster_bytes)) for cluster in plan.old]
        return [plan.content, tables, directory, [*self._table_writes(), *wiped]]

    def check(self, wanted: Wanted) -> None:
        """Raise where `wanted` cannot be done; what is replaced stays until the end, and gives no room."""
        for name in (*wanted.files, *wanted.absent):
            entry = self.find(name)
            if entry and entry.attributes & (DIRECTORY | READ_ONLY):
                what = "a directory" if entry.attributes & DIRECTORY else "marked as read-only"
                raise BuilderError(
                    f"{entry.name} on the FAT partition is {what}", hint="remove it there; nothing was written"
                )
        needed = sum(self._clusters_of(len(data)) for data in wanted.files.values())
        free = self._table[FIRST_CLUSTER : FIRST_CLUSTER + self.geometry.clusters].count(0)
        # Room for the directory to grow.
        if needed + 1 > free:
            raise BuilderError(
                f"the FAT partition is full: {format_size(needed * self.geometry.cluster_bytes)} are needed,"
                f" {format_size(free * self.geometry.cluster_bytes)} are free",
                hint="remove what is not needed there; nothing was written",
            )

    def _put(self, name: str, data: bytes, when: datetime, plan: "_Plan") -> None:
        clusters = self._allocate(self._clusters_of(len(data)))
        size = self.geometry.cluster_bytes
        plan.content += [
            self._at(cluster, data[at * size : (at + 1) * size].ljust(size, b"\0"))
            for at, cluster in enumerate(clusters)
        ]
        entry = self.find(name)
        if entry:
            plan.old += self._chain(entry.cluster) if entry.cluster else []
            slot, raw = entry.slot, bytes(self._directory[entry.slot * ENTRY_BYTES :][:ENTRY_BYTES])
        else:
            slot, raw = self._add(name, plan)
        first = clusters[0] if clusters else 0
        changed = with_content(raw, cluster=first, size_bytes=len(data), when=when)
        self._directory[slot * ENTRY_BYTES : (slot + 1) * ENTRY_BYTES] = changed

    def _add(self, name: str, plan: "_Plan") -> tuple[int, bytes]:
        """Make entries for a new file; returns where its short one lies, and that."""
        made = new_entries(name, {entry.short for entry in self.entries()})
        count = len(made) // ENTRY_BYTES
        while (slot := free_run(bytes(self._directory), count)) is None:
            (cluster,) = self._allocate(1)
            self._set(self._root[-1], cluster)
            self._root.append(cluster)
            self._directory += bytes(self.geometry.cluster_bytes)
            plan.content.append(self._at(cluster, bytes(self.geometry.cluster_bytes)))
        self._directory[slot * ENTRY_BYTES : (slot + count) * ENTRY_BYTES] = made
        return slot + count - 1, made[-ENTRY_BYTES:]

    def _allocate(self, count: int) -> list[int]:
        """Take `count` free clusters, the first that there are, and chain them."""
        found: list[int] = []
        cluster = FIRST_CLUSTER - 1
        while len(found) < count:
            try:
                cluster = self._table.index(0, cluster + 1, FIRST_CLUSTER + self.geometry.clusters)
            except ValueError:
                raise BuilderError("the FAT partition is full", hint="remove what is not needed there") from None
            found.append(cluster)
        for one, following in pairwise([*found, _MASK]):
            self._set(one, following)
        return found

    def _set(self, cluster: int, value: int) -> None:
        """The highest four bits are not ours."""
        self._table[cluster] = self._table[cluster] & ~_MASK & 0xFFFFFFFF | value

    def _chain(self, first: int) -> list[int]:
        chain: list[int] = []
        seen: set[int] = set()
        cluster = first
        while cluster < _LAST:
            if not FIRST_CLUSTER <= cluster < FIRST_CLUSTER + self.geometry.clusters or cluster in seen:
                raise damaged(f"a file's chain leads to cluster {cluster}")
            chain.append(cluster)
            seen.add(cluster)
            cluster = self._table[cluster] & _MASK
        return chain

    def _clusters_of(self, size_bytes: int) -> int:
        return -(-size_bytes // self.geometry.cluster_bytes)

    def _content(self, cluster: int) -> bytes:
        return self._read(self.geometry.cluster_start(cluster), self.geometry.cluster_bytes)

    def _at(self, cluster: int, data: bytes) -> Write:
        return Write(offset=self.geometry.cluster_start(cluster), data=data)

    def _directory_writes(self) -> list[Write]:
        size = self.geometry.cluster_bytes
        pieces = [
            self._at(cluster, bytes(self._directory[at * size : (at + 1) * size]))
            for at, cluster in enumerate(self._root)
        ]
        return [piece for piece in pieces if self._read(piece.offset, size) != piece.data]

    def _table_writes(self) -> list[Write]:
        """What is new in the tables since the last time, in all copies, and the count of what is free."""
        words = array("I", self._table)
        if sys.byteorder == "big":
            words.byteswap()
        now = words.tobytes()
        sectors = [
            at
            for at in range(0, len(now), SECTOR_BYTES)
            if now[at : at + SECTOR_BYTES] != self._before[at : at + SECTOR_BYTES]
        ]
        self._before = now
        geometry = self.geometry
        writes = [
            Write(offset=geometry.table_start + copy * geometry.table_bytes + at, data=now[at : at + SECTOR_BYTES])
            for copy in range(geometry.tables)
            for at in sectors
        ]
        return [*writes, *self._info()]

    def _info(self) -> Iterable[Write]:
        start = self.geometry.info_start
        sector = bytearray(self._read(start, SECTOR_BYTES)) if start else bytearray()
        if not all(sector[at : at + 4] == signature for at, signature in _INFO_SIGNATURES):
            return
        free = self._table[FIRST_CLUSTER : FIRST_CLUSTER + self.geometry.clusters].count(0)
        sector[_INFO_COUNT : _INFO_COUNT + 4] = struct.pack("<I", free)
        yield Write(offset=start, data=bytes(sector))


@dataclass(slots=True, kw_only=True)
class _Plan:
    content: list[Write] = field(default_factory=list)
    old: list[int] = field(default_factory=list)
