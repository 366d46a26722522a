"""Files with disks in them: what they are, and the disk that a machine gets of one."""

import lzma
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard

from builder.core.errors import BuilderError, RecipeError
from builder.core.resources import format_size
from builder.formats.diskimage import ImageFormat, identify_image
from builder.io.sparse import write_sparsely
from builder.vm.machine import Bench
from builder.vm.model import Bus
from builder.vm.setup import Disk, DiskFormat

_CHUNK_BYTES = 4 << 20
_PACKED_BYTES = 4 << 10
_SECTOR_BYTES = 512
# QEMU docs/interop/qcow2: magic, version, name of the backing file (offset and length), bits of a cluster, size of the disk.
_QCOW2_HEADER = struct.Struct(">4sIQIIQ")
OVERLAY, UNPACKED = "disk.qcow2", "disk.img"


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
    kind = identify_image(image)
    if kind.is_compressed:
        if wanted.keep:
            raise RecipeError(
                f"{wanted.image} is compressed: nothing can be kept in it",
                hint="unpack it first, and run what comes out",
            )
        image, kind = unpack(image, kind, bench.directory / UNPACKED), ImageFormat.RAW
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


def unpack(image: Path, kind: ImageFormat, target: Path) -> Path:
    """Unpack the compressed `image` into the new file `target`, with holes; `target`."""
    try:
        with image.open("rb") as stream:
            write_sparsely(target, _unpacked(stream, kind))
    except (zstandard.ZstdError, lzma.LZMAError, EOFError) as error:
        raise BuilderError(f"{image} is damaged: {error}") from error
    return target


def _unpacked(stream: IO[bytes], kind: ImageFormat) -> Iterator[bytes]:
    if kind is ImageFormat.XZ:
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


def disk_size(image: Path, kind: ImageFormat) -> int:
    """Bytes of the disk in `image`, which is not compressed."""
    if kind is ImageFormat.RAW:
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
