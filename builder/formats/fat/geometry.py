"""Where everything lies in a FAT32 file system, and where its partition lies on a disk."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from builder.core.errors import BuilderError

SECTOR_BYTES = 512
# MBR: four entries of sixteen bytes; types of FAT32 by cylinders and by blocks, and of an EFI system partition.
_TABLE_OFFSET, _ENTRY_BYTES, _ENTRIES = 446, 16, 4
_FAT_TYPES = (0x0B, 0x0C, 0xEF)
_SIGNATURE = b"\x55\xaa"
# Bytes per sector, sectors per cluster, reserved sectors, copies, root entries, sectors (16), ..., sectors (32), sectors of a
# copy, flags, version, first cluster of the root, sector of FSInfo.
_PARAMETERS = struct.Struct("<11xHBHBHH11xIIHHIH")
_CLUSTERS_FROM = 65525
FIRST_CLUSTER = 2

Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Offsets are bytes from the beginning of the disk."""

    start: int
    cluster_bytes: int
    table_start: int
    table_bytes: int
    tables: int
    data_start: int
    clusters: int
    root_cluster: int
    info_start: int

    def cluster_start(self, cluster: int) -> int:
        """Where the content of `cluster` lies."""
        return self.data_start + (cluster - FIRST_CLUSTER) * self.cluster_bytes


def find_partition(read: Read, size_bytes: int) -> tuple[int, int]:
    """Start and length, in bytes, of the first FAT partition of the disk that `read` reads; it must lie within `size_bytes`."""
    table = read(0, SECTOR_BYTES)
    if table[-2:] != _SIGNATURE:
        raise BuilderError("there is no partition table", hint="flash an image to it first")
    for number in range(_ENTRIES):
        entry = table[_TABLE_OFFSET + number * _ENTRY_BYTES :][:_ENTRY_BYTES]
        first, count = struct.unpack("<II", entry[8:])
        if entry[4] in _FAT_TYPES and count:
            start, length = first * SECTOR_BYTES, count * SECTOR_BYTES
            if start + length > size_bytes:
                raise BuilderError(
                    f"partition {number + 1} ends at byte {start + length}, and there are {size_bytes}",
                    hint="it was cut off: copy or flash it again",
                )
            return start, length
    raise BuilderError("there is no FAT partition", hint="images that 'builder make' writes have one")


def read_geometry(read: Read, start: int, length: int) -> Geometry:
    """The geometry of the FAT32 in the partition at `start`; `BuilderError` where there is none that is sound."""
    sector = read(start, SECTOR_BYTES)
    if sector[-2:] != _SIGNATURE:
        raise damaged("its first sector is not a file system's")
    values = _PARAMETERS.unpack_from(sector)
    sector_bytes, per_cluster, reserved, tables, root_entries, small, large, table_sectors = values[:8]
    flags, version, root, info = values[8:]
    if sector_bytes != SECTOR_BYTES or root_entries or not table_sectors:
        raise BuilderError("the FAT partition is no FAT32 with sectors of 512 bytes", hint="format it as FAT32")
    total = small or large
    data = reserved + tables * table_sectors
    if not per_cluster or per_cluster & (per_cluster - 1) or not tables or not reserved or data >= total or version:
        raise damaged("its description contradicts itself")
    clusters = (total - data) // per_cluster
    fits = (clusters + FIRST_CLUSTER) * 4 <= table_sectors * SECTOR_BYTES and total * SECTOR_BYTES <= length
    if not fits or clusters < _CLUSTERS_FROM or not FIRST_CLUSTER <= root < clusters + FIRST_CLUSTER:
        raise damaged("its description contradicts itself")
    if flags & 0x80:
        raise BuilderError("the FAT partition keeps only one of its tables", hint="format it anew")
    return Geometry(
        start=start,
        cluster_bytes=per_cluster * SECTOR_BYTES,
        table_start=start + reserved * SECTOR_BYTES,
        table_bytes=table_sectors * SECTOR_BYTES,
        tables=tables,
        data_start=start + data * SECTOR_BYTES,
        clusters=clusters,
        root_cluster=root,
        info_start=start + info * SECTOR_BYTES if 0 < info < reserved else 0,
    )


def damaged(why: str) -> BuilderError:
    """The file system cannot be trusted with more files."""
    return BuilderError(
        f"the FAT partition is damaged: {why}",
        hint="check it with fsck.vfat, or flash the image again; nothing was written",
    )
