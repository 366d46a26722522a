"""Where everything lies on a disk: planned from sizes alone, so that what does not fit is told before anything is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builder.core.errors import BuilderError
from builder.core.resources import MIB, format_size

SECTOR_BYTES = 512
# Behind every boot loader; Rockchip's U-Boot ends at 16 MiB.
FIRST_PARTITION_BYTES = 16 * MIB
BOOT_BYTES = 128 * MIB
_SLOT_STEP_BYTES = 64 * MIB
# FAT32 by logical block address, and Linux: the Raspberry Pi's ROM wants the first, nothing looks at the second.
FAT32_LBA, LINUX = 0x0C, 0x83
# MBR: what a sector number of 32 bits can count.
_MOST_SECTORS = (1 << 32) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A part of the disk; `what` names it for people, `size_bytes` is what its content takes."""

    what: str
    start_bytes: int
    size_bytes: int

    @property
    def end_bytes(self) -> int:
        """Where it ends."""
        return self.start_bytes + self.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One of the four partitions of the table."""

    number: int
    name: str
    type: int
    start_bytes: int
    size_bytes: int
    active: bool = False

    @property
    def end_bytes(self) -> int:
        """Where it ends."""
        return self.start_bytes + self.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A planned disk: its identity, its partitions and its size."""

    disk_id: int
    partitions: tuple[Partition, ...]

    @property
    def size_bytes(self) -> int:
        """How large the image is."""
        return self.partitions[-1].end_bytes

    def partition(self, name: str) -> Partition:
        """The partition called `name`."""
        return next(one for one in self.partitions if one.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a recipe says about sizes; `slot_bytes` is 0 where the content of the slot decides."""

    card_bytes: int
    slot_bytes: int
    data_bytes: int


def plan_layout(sizes: Sizes, *, slot_content_bytes: int, disk_id: int) -> Layout:
    """The disk for a slot of `slot_content_bytes`; `BuilderError` where that, or all of it, does not fit."""
    slot_bytes = sizes.slot_bytes or _stepped(slot_content_bytes * 3 // 2, _SLOT_STEP_BYTES)
    if slot_content_bytes > slot_bytes:
        raise BuilderError(
            f"the system takes {format_size(slot_content_bytes)}, and a slot has {format_size(slot_bytes)}",
            hint="make image.slot_size larger, or leave out packages (rootfs.packages, rootfs.slim)",
        )
    wanted = (("boot", BOOT_BYTES), ("slot-a", slot_bytes), ("slot-b", slot_bytes), ("data", sizes.data_bytes))
    partitions: list[Partition] = []
    start = FIRST_PARTITION_BYTES
    for number, (name, size_bytes) in enumerate(wanted, start=1):
        kind = FAT32_LBA if name == "boot" else LINUX
        size = _stepped(size_bytes, MIB)
        partitions.append(
            Partition(number=number, name=name, type=kind, start_bytes=start, size_bytes=size, active=name == "boot")
        )
        start += size
    layout = Layout(disk_id=disk_id, partitions=tuple(partitions))
    if layout.size_bytes > sizes.card_bytes:
        parts = [f"{one.name}: {format_size(one.size_bytes)}" for one in partitions]
        raise BuilderError(
            f"the image takes {format_size(layout.size_bytes)}, and the card has {format_size(sizes.card_bytes)}",
            details=[f"boot loaders: {format_size(FIRST_PARTITION_BYTES)}", *parts],
            hint="make the slots or data smaller (image.slot_size, image.data_size), or image.card_size larger",
        )
    return layout


def check_areas(areas: Iterable[Area]) -> None:
    """Raise where two of `areas`, which lie before the first partition, overlap, or one reaches into it."""
    in_order = sorted(areas, key=lambda area: (area.start_bytes, area.what))
    problems = [
        f"{one.what} ({_range(one)}) and {other.what} ({_range(other)}) overlap"
        for number, one in enumerate(in_order)
        for other in in_order[number + 1 :]
        if other.start_bytes < one.end_bytes
    ]
    problems += [
        f"{one.what} ({_range(one)}) reaches into the first partition, at {format_size(FIRST_PARTITION_BYTES)}"
        for one in in_order
        if one.end_bytes > FIRST_PARTITION_BYTES
    ]
    if problems:
        raise BuilderError(
            "boot loaders do not fit where they are to lie",
            details=problems,
            hint="correct the offsets of the board's loaders",
        )


def boot_record(layout: Layout, code: bytes = b"") -> bytes:
    """The first sector: `code` of a boot loader, the disk's identity, the partition table."""
    table = b"".join(_entry(one) for one in layout.partitions)
    identity = layout.disk_id.to_bytes(4, "little") + bytes(2)
    return code.ljust(440, b"\0") + identity + table.ljust(64, b"\0") + b"\x55\xaa"


def loader_areas(loaders: Sequence[Area], *, bios_bytes: int) -> list[Area]:
    """What lies before the first partition: the partition table, GRUB for a BIOS where there is one, and `loaders`."""
    areas = [Area(what="the partition table", start_bytes=0, size_bytes=SECTOR_BYTES), *loaders]
    if bios_bytes:
        areas.append(Area(what="GRUB for a BIOS", start_bytes=SECTOR_BYTES, size_bytes=bios_bytes))
    return areas


def _entry(partition: Partition) -> bytes:
    """Sixteen bytes of the table; cylinders and heads say 'beyond', as for every disk of today."""
    first, count = partition.start_bytes // SECTOR_BYTES, partition.size_bytes // SECTOR_BYTES
    if first + count > _MOST_SECTORS:
        raise BuilderError(f"the partition {partition.name} ends beyond 2 TiB, which a partition table cannot say")
    beyond = b"\xfe\xff\xff"
    active = b"\x80" if partition.active else b"\x00"
    return (
        active + beyond + bytes([partition.type]) + beyond + first.to_bytes(4, "little") + count.to_bytes(4, "little")
    )


def _stepped(size_bytes: int, step_bytes: int) -> int:
    return -(-size_bytes // step_bytes) * step_bytes


def _range(area: Area) -> str:
    return f"bytes {area.start_bytes} to {area.end_bytes - 1}"
