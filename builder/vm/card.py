"""What firmware would load from a card, for boards whose firmware QEMU does not emulate."""

import struct
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.command import CommandError
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree
from builder.vm.arguments import DEVICETREE, KERNEL
from builder.vm.model import Card

# The first entry of an MBR, at 446: state, start (CHS), type, end (CHS), first sector, ...
_ENTRY, _ENTRY_OFFSET, _SECTOR_BYTES = struct.Struct("<4xB3xI"), 446, 512
# FAT as the ROM of a Raspberry Pi knows it.
_FAT_TYPES = (0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E)


def place_card_files(card: Card, image: Path, directory: Path, *, mtools: ToolsTree, runner: Runner) -> None:
    """Put the files that `card` names, of the first partition of the raw `image`, into the machine's directory."""
    partition = f"{image}@@{_fat_start(image)}"
    for name, target in ((card.kernel, KERNEL), (card.devicetree, DEVICETREE)):
        try:
            runner.run(mtools.command("mcopy", "-i", partition, f"::{name}", directory / target))
        except CommandError as error:
            raise BuilderError(
                f"{image} is not for this machine: its first partition has no file {name}",
                details=error.failure.last_lines,
                hint="--machine chooses another machine",
            ) from error


def _fat_start(image: Path) -> int:
    """Where the first partition begins, in bytes."""
    with image.open("rb") as stream:
        stream.seek(_ENTRY_OFFSET)
        kind, first = _ENTRY.unpack(stream.read(_ENTRY.size))
    if kind not in _FAT_TYPES:
        raise BuilderError(
            f"the first partition of {image} is no FAT partition: the machine's firmware reads nothing else"
        )
    return int(first) * _SECTOR_BYTES
