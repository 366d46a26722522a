"""What firmware would load from a card, for boards whose firmware QEMU does not emulate."""

import os
import struct
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.command import CommandError
from builder.io.sparse import write_sparsely
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree
from builder.vm.arguments import DEVICETREE, KERNEL
from builder.vm.model import Card

# The first entry of an MBR, at 446: state, start (CHS), type, end (CHS), first sector, number of sectors.
_ENTRY, _ENTRY_OFFSET, _SECTOR_BYTES = struct.Struct("<4xB3xII"), 446, 512
# FAT as the ROM of a Raspberry Pi knows it.
_FAT_TYPES = (0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E)
_CHUNK_BYTES = 4 << 20
_PARTITION = "boot.fat"


def place_card_files(card: Card, image: Path, directory: Path, *, mtools: ToolsTree, runner: Runner) -> None:
    """Put the files that `card` names, of the first partition of the raw `image`, into the machine's directory."""
    partition = directory / _PARTITION
    _copy_partition(image, partition)
    for name, target in ((card.kernel, KERNEL), (card.devicetree, DEVICETREE)):
        try:
            runner.run(mtools.command("mcopy", "-i", partition, f"::{name}", directory / target))
        except CommandError as error:
            raise BuilderError(
                f"{image} is not for this machine: its first partition has no file {name}",
                details=error.failure.last_lines,
                hint="--machine chooses another machine",
            ) from error
    partition.unlink()


def _copy_partition(image: Path, target: Path) -> None:
    descriptor = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        kind, first, count = _ENTRY.unpack(os.pread(descriptor, _ENTRY.size, _ENTRY_OFFSET))
        if kind not in _FAT_TYPES:
            raise BuilderError(
                f"the first partition of {image} is no FAT partition: the machine's firmware reads nothing else"
            )
        start, size = first * _SECTOR_BYTES, count * _SECTOR_BYTES
        write_sparsely(
            target,
            (
                os.pread(descriptor, min(_CHUNK_BYTES, size - position), start + position)
                for position in range(0, size, _CHUNK_BYTES)
            ),
        )
    finally:
        os.close(descriptor)
