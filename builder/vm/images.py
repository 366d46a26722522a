"""Files with disks in them: what they are, and the disk that a machine gets of one."""

import lzma
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

import zstandard

from builder.core.errors import BuilderError, RecipeError
from builder.core.resources import format_size
from builder.io.sparse import write_sparsely
from builder.vm.machine import Bench
from builder.vm.model import Bus
from builder.vm.setup import Disk, DiskFormat

_CHUNK_BYTES = 4 << 20
_PACKED_BYTES = 4 << 10
_SECTOR_BYTES = 512
# The last bytes of the first sector of every disk with a partition table (UEFI 2.10, section 5.2.1).
_TABLE_SIGNATURE, _SIGNATURE_OFFSET = b"\x55\xaa", 510
# QEMU docs/interop/qcow2: magic, version, name of the backing file (offset and length), bits of a cluster, size of the disk.
_QCOW2_HEADER = struct.Struct(">4sIQIIQ")
_QCOW2_MAGIC, _ZST_MAGIC, _XZ_MAGIC = b"QFI\xfb", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00"
OVERLAY, UNPACKED = "disk.qcow2", "disk.img"


class ImageKind(StrEnum):
    """How a disk lies in a file."""

    RAW = "raw"
    QCOW2 = "qcow2"
    ZST = "zst"
    XZ = "xz"

    @property
    def is_compressed(self) -> bool:
        """Whether it has to be unpacked before a machine can use it."""
        return self in (ImageKind.ZST, ImageKind.XZ)


def identify(path: Path) -> ImageKind:
    """What the file is; `RecipeError` where no disk is in it."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_SECTOR_BYTES)
    except IsADirectoryError:
        raise RecipeError(f"{path} is a directory, not an image") from None
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    for magic, kind in ((_QCOW2_MAGIC, ImageKind.QCOW2), (_ZST_MAGIC, ImageKind.ZST), (_XZ_MAGIC, ImageKind.XZ)):
        if start.startswith(magic):
            return kind
    if start[_SIGNATURE_OFFSET:] != _TABLE_SIGNATURE:
        raise RecipeError(
            f"{path} is no image of a disk: it has no partition table",
            hint="images are .img, .img.zst, .img.xz and .qcow2 files, such as 'builder make' writes",
        )
    return ImageKind.RAW


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskWanted:
    """The disk of a machine as somebody wants it: `keep` writes into the image; `size_bytes` makes the disk larger."""

    image: Path
    bus: Bus
    keep: bool = False
    size_bytes: int = 0


def prepare_disk(wanted: DiskWanted, bench: Bench) -> Disk:
    """The disk that a machine gets; `RecipeError` where it cannot have one such.

    Unless it is kept, everything that the machine writes goes to a file in its own directory.
    """
    image = wanted.image.absolute()
    kind = identify(image)
    if kind.is_compressed:
        if wanted.keep:
            raise RecipeError(
                f"{wanted.image} is compressed: nothing can be kept in it",
                hint="unpack it first, and run what comes out",
            )
        image, kind = unpack(image, kind, bench.directory / UNPACKED), ImageKind.RAW
    size = disk_size(image, kind)
    if wanted.size_bytes and wanted.size_bytes < size:
        raise RecipeError(f"the disk of {wanted.image} has {format_size(size)}; it cannot be made smaller")
    goal = _fitting(max(size, wanted.size_bytes), wanted.bus)
    disk_format = DiskFormat(kind)
    if wanted.keep:
        if goal > size and not wanted.size_bytes:
            raise RecipeError(
                f"the machine takes cards whose size is a power of two, and {wanted.image} has {format_size(size)}",
                hint=f"with '--disk-size {format_size(goal)}' the image is made larger; or run without --keep",
            )
        if goal > size:
            _images(bench, "resize", "-q", "-f", disk_format, image, str(goal))
        return Disk(path=image, format=disk_format)
    overlay = bench.directory / OVERLAY
    _images(bench, "create", "-q", "-f", "qcow2", "-F", disk_format, "-b", image, overlay, str(goal))
    return Disk(path=overlay, format=DiskFormat.QCOW2, disposable=True)


def _images(bench: Bench, *arguments: str | Path) -> None:
    bench.runner.run(bench.tools.command("qemu-img", *arguments))


def unpack(image: Path, kind: ImageKind, target: Path) -> Path:
    """Unpack the compressed `image` into the new file `target`, with holes; `target`."""
    try:
        with image.open("rb") as stream:
            write_sparsely(target, _unpacked(stream, kind))
    except (zstandard.ZstdError, lzma.LZMAError, EOFError) as error:
        raise BuilderError(f"{image} is damaged: {error}") from error
    return target


def _unpacked(stream: IO[bytes], kind: ImageKind) -> Iterator[bytes]:
    if kind is ImageKind.XZ:
        with lzma.open(stream) as content:
            while piece := content.read(_CHUNK_BYTES):
                yield piece
        return
    # Frame by frame, since no reader of zstandard tells a file that was cut off; little at a time, since zeros become
    # 32,000 times as much.
    frame = zstandard.ZstdDecompressor().decompressobj()
    while packed := stream.read(_PACKED_BYTES):
        while packed:
            frame = zstandard.ZstdDecompressor().decompressobj() if frame.eof else frame
            yield frame.decompress(packed)
            packed = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError("it ends too early")


def disk_size(image: Path, kind: ImageKind) -> int:
    """Bytes of the disk in `image`, which is not compressed."""
    if kind is ImageKind.RAW:
        return image.stat().st_size
    with image.open("rb") as stream:
        header = stream.read(_QCOW2_HEADER.size)
    if len(header) < _QCOW2_HEADER.size:
        raise BuilderError(f"{image} is damaged: it ends within its header")
    size: int = _QCOW2_HEADER.unpack(header)[-1]
    return size


def _fitting(size: int, bus: Bus) -> int:
    """The smallest size from `size` on that a machine takes: cards have a power of two, others whole sectors."""
    if bus is Bus.SD:
        return 1 << max(size - 1, 0).bit_length()
    return -(-size // _SECTOR_BYTES) * _SECTOR_BYTES
