"""Block devices of this machine, as the kernel tells of them; all functions read below a root, so that tests have others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.flash.usage import Usage

# Sizes in sysfs are in these, whatever the device's own sectors are (Documentation/ABI/stable/sysfs-block).
_UNIT_BYTES = 512
# What is in memory, or no disk.
_NEVER = ("ram", "zram", "fd", "sr", "mtdblock")
_HOT = ("/usb", "/mmc_host/", "/memstick")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A part of a device; `uses` says what it is used for at this moment."""

    name: str
    size_bytes: int
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A whole device.

    `serial` is that of what the kernel sees: a card reader has one of its own, whatever card is in it. `removable`: made to
    be taken out, by itself (USB) or with its medium. `has_system`: the running system or swap is on it. `uses` are those of
    the whole device, without partitions.
    """

    name: str
    model: str
    serial: str
    size_bytes: int
    sector_bytes: int
    removable: bool
    read_only: bool
    has_system: bool
    uses: tuple[str, ...]
    partitions: tuple[Partition, ...]

    @property
    def path(self) -> str:
        """The name in /dev."""
        return f"/dev/{self.name}"

    @property
    def all_uses(self) -> tuple[str, ...]:
        """What the device and its partitions are used for."""
        return (*self.uses, *(use for one in self.partitions for use in one.uses))


def find_devices(root: Path = Path("/")) -> list[Device]:
    """All devices that have a size, by name; no memory, no optical disks, no device that others were made of (dm, md)."""
    usage = Usage.read(root)
    found = (_device(place, usage) for place in _places(root / "sys/block") if not (place / "dm").exists())
    return [device for device in found if device.size_bytes]


def _places(blocks: Path) -> Iterable[Path]:
    if not blocks.is_dir():
        return []
    return sorted(place for place in blocks.iterdir() if not place.name.startswith(_NEVER))


def _device(place: Path, usage: Usage) -> Device:
    partitions = sorted((part for part in place.iterdir() if (part / "partition").is_file()), key=_partition_number)
    return Device(
        name=place.name.replace("!", "/"),
        model=" ".join(filter(None, (_text(place / "device/vendor", is_name=True), _model(place)))),
        serial=_serial(place),
        size_bytes=_number(place / "size") * _UNIT_BYTES,
        sector_bytes=_number(place / "queue/logical_block_size") or _UNIT_BYTES,
        removable=_is_removable(place),
        read_only=bool(_number(place / "ro")),
        has_system=any(usage.is_system(one) for one in _made_of(place)),
        uses=tuple(_uses(place, usage)),
        partitions=tuple(
            Partition(
                name=part.name.replace("!", "/"),
                size_bytes=_number(part / "size") * _UNIT_BYTES,
                uses=tuple(_uses(part, usage)),
            )
            for part in partitions
        ),
    )


def _partition_number(part: Path) -> int:
    return _number(part / "partition")


def _made_of(place: Path) -> Iterator[Path]:
    """`place`, its partitions, and everything that was made of them: mappings, arrays."""
    yield place
    for part in place.iterdir():
        if (part / "partition").is_file():
            yield from _made_of(part)
    for holder in _holders(place):
        yield from _made_of(holder.resolve())


def _holders(place: Path) -> list[Path]:
    holders = place / "holders"
    return sorted(holders.iterdir()) if holders.is_dir() else []


def _uses(place: Path, usage: Usage) -> Iterator[str]:
    yield from usage.uses(place)
    for holder in _holders(place):
        yield f"part of {holder.name}"


def _is_removable(place: Path) -> bool:
    """Whether it, or its medium, is made to be taken out; eMMC hangs where cards do, and is soldered."""
    if _number(place / "removable"):
        return True
    if (kind := _text(place / "device/type")) in {"SD", "MMC"}:
        return kind == "SD"
    return any(word in f"{place.resolve()}/" for word in _HOT)


def _model(place: Path) -> str:
    backing = _text(place / "loop/backing_file")
    return _text(place / "device/model") or _text(place / "device/name") or ("file" if backing else "")


def _serial(place: Path) -> str:
    """Of the device itself (SCSI, NVMe, cards, virtio), or of the USB device that it is part of; the file of a loop device."""
    for name in ("device/serial", "serial", "device/wwid", "loop/backing_file"):
        if found := _text(place / name):
            return found
    for parent in place.resolve().parents:
        if (parent / "idVendor").is_file():
            return _text(parent / "serial")
    return ""


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0


def _text(path: Path, *, is_name: bool = False) -> str:
    try:
        text = path.read_text(errors="replace").strip().strip("\0")
    except OSError:
        return ""
    # PCI devices have their vendor as a number.
    return "" if is_name and text.startswith("0x") else text
