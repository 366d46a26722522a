"""A disk image: pieces put where the layout says, written once, in every form that is asked for."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import zstandard

from builder.core.errors import BuilderError
from builder.formats.blockmap import block_map
from builder.formats.diskimage import ImageFormat
from builder.image.layout import (
    FIRST_PARTITION_BYTES,
    SECTOR_BYTES,
    Area,
    Layout,
    boot_record,
    check_areas,
    loader_areas,
)
from builder.image.pieces import ImageWriter, Piece, Written, zeros
from builder.io.files import write_all
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree

# What a squashfs holds is compressed already; what can be made smaller is found at any level.
_ZSTD_LEVEL = 3
_XZ_LEVEL = "-2"
_BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderBytes:
    """A boot loader and where it is written."""

    what: str
    offset_bytes: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an image is made of: file systems, boot loaders, and GRUB for a BIOS (`boot_code`, `core`) where there is one.

    `data_used` is start and end, in bytes, of what counts of the file system `data`.
    """

    boot: Path
    slot: Path
    data: Path
    data_used: Sequence[tuple[int, int]]
    loaders: Sequence[LoaderBytes] = ()
    boot_code: bytes = b""
    core: bytes = b""


def pieces_of(contents: Contents, layout: Layout) -> list[Piece]:
    """The pieces of the disk in its order; `BuilderError` where loaders are in each other's way."""
    boot, slot, data = (layout.partition(name) for name in ("boot", "slot-a", "data"))
    slot_bytes = -(-contents.slot.stat().st_size // _BLOCK_BYTES) * _BLOCK_BYTES
    return [
        Piece(start_bytes=0, size_bytes=FIRST_PARTITION_BYTES, data=_before_partitions(contents, layout)),
        Piece(start_bytes=boot.start_bytes, size_bytes=contents.boot.stat().st_size, source=contents.boot),
        Piece(start_bytes=slot.start_bytes, size_bytes=slot_bytes, source=contents.slot),
        *(
            Piece(
                start_bytes=data.start_bytes + start, size_bytes=end - start, source=contents.data, source_offset=start
            )
            for start, end in contents.data_used
        ),
    ]


def _before_partitions(contents: Contents, layout: Layout) -> bytes:
    """All of it counts: what another system left there would be taken for a partition table, or for settings of U-Boot."""
    areas = [Area(what=one.what, start_bytes=one.offset_bytes, size_bytes=len(one.data)) for one in contents.loaders]
    check_areas(loader_areas(areas, bios_bytes=len(contents.core)))
    content = bytearray(FIRST_PARTITION_BYTES)
    content[:SECTOR_BYTES] = boot_record(layout, contents.boot_code)
    content[SECTOR_BYTES : SECTOR_BYTES + len(contents.core)] = contents.core
    for one in contents.loaders:
        content[one.offset_bytes : one.offset_bytes + len(one.data)] = one.data
    return bytes(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskWriter:
    """Writes the image `NAME.img` in `formats` into `output`, with its block map and a description.

    `filesystem` and `emulator` are the trees of tools that have `xz` and `qemu-img`; `scratch` takes what is between.
    """

    name: str
    formats: Sequence[ImageFormat]
    filesystem: ToolsTree
    emulator: ToolsTree | None
    runner: Runner
    scratch: Path
    cores: int

    def run(self, pieces: Sequence[Piece], layout: Layout, output: Path) -> Written:
        """Write everything; what was written."""
        raw = output / f"{self.name}.img"
        if ImageFormat.RAW not in self.formats:
            raw = self.scratch / raw.name
        with ExitStack() as stack:
            sinks: list[_Sink] = []
            if ImageFormat.ZST in self.formats:
                sinks.append(stack.enter_context(_compressing(output / f"{self.name}.img.zst", self.cores)))
            if {*self.formats} - {ImageFormat.ZST}:
                sinks.append(stack.enter_context(_sparse(raw, layout.size_bytes)))
            writer = ImageWriter(
                size_bytes=layout.size_bytes,
                put=lambda data: [sink.put(data) for sink in sinks],
                skip=lambda size_bytes: [sink.skip(size_bytes) for sink in sinks],
                cancel=self.runner.cancel,
            )
            written = writer.write(pieces)
        if ImageFormat.XZ in self.formats:
            self._xz(raw, output / f"{self.name}.img.xz")
        if ImageFormat.QCOW2 in self.formats:
            self._qcow2(raw, output / f"{self.name}.qcow2")
        (output / f"{self.name}.img.bmap").write_text(block_map(written.size_bytes, written.ranges))
        (output / "image.json").write_text(_described(self.name, written, layout))
        return written

    def _xz(self, raw: Path, target: Path) -> None:
        linked = self.scratch / target.stem
        if linked != raw:
            linked.symlink_to(raw)
        # Blocks of a fixed size: with as many threads as there are cores, the bytes are the same.
        options = ("--keep", "--force", _XZ_LEVEL, f"--threads={max(2, self.cores)}", "--block-size=16MiB")
        self.runner.run(self.filesystem.command("xz", *options, linked))
        (self.scratch / target.name).replace(target)

    def _qcow2(self, raw: Path, target: Path) -> None:
        if self.emulator is None:
            raise BuilderError("there are no tools that write qcow2", hint="debian.tools.sets.qemu needs qemu-utils")
        self.runner.run(self.emulator.command("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, target))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sink:
    put: Callable[[bytes], object]
    skip: Callable[[int], object]


@contextmanager
def _compressing(target: Path, cores: int) -> Iterator[_Sink]:
    # With threads the bytes are others than without, and the same for any number of them.
    parameters = zstandard.ZstdCompressionParameters.from_level(_ZSTD_LEVEL, threads=max(1, cores), write_checksum=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with target.open("xb") as stream:

        def put(data: bytes) -> None:
            stream.write(compressor.compress(data))

        def skip(size_bytes: int) -> None:
            for chunk in zeros(size_bytes):
                put(chunk)

        yield _Sink(put=put, skip=skip)
        stream.write(compressor.flush())


@contextmanager
def _sparse(target: Path, size_bytes: int) -> Iterator[_Sink]:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        os.ftruncate(descriptor, size_bytes)
        yield _Sink(
            put=lambda data: write_all(descriptor, data),
            skip=lambda size_bytes: os.lseek(descriptor, size_bytes, os.SEEK_CUR),
        )
    finally:
        os.close(descriptor)


def _described(name: str, written: Written, layout: Layout) -> str:
    """What `NAME.img` is when it is not compressed."""
    return (
        json.dumps(
            {
                "name": f"{name}.img",
                "digest": written.digest,
                "size_bytes": written.size_bytes,
                "disk_id": f"{layout.disk_id:08x}",
                "partitions": [
                    {
                        "number": one.number,
                        "name": one.name,
                        "start_bytes": one.start_bytes,
                        "size_bytes": one.size_bytes,
                    }
                    for one in layout.partitions
                ],
            },
            indent=2,
        )
        + "\n"
    )
