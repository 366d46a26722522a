"""The `image` section: disks that devices boot from."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, Strict

from builder.formats.diskimage import ImageFormat
from builder.image.formats import SlotCompression
from builder.recipe.images import GoProgram
from builder.recipe.section import LocatedPath, NamedArch, Section, Unique
from builder.recipe.shapes import CommandWord, DevicePath, DnsLabel, ModuleName, SemVer, SizeText


class DiskImage(Section):
    """Disks that devices boot from: a boot partition, two slots for the system, and one for data."""

    version: SemVer = Field(
        default="0.1.0",
        description="Version of the system in the slots. Raise it with every update: a device takes no older one by itself.",
    )
    boards: Mapping[NamedArch, Annotated[tuple[DnsLabel, ...], *Unique]] = Field(
        description="Boards whose images are made when nothing else is asked for, by architecture."
    )
    formats: Annotated[tuple[Annotated[ImageFormat, Strict(strict=False)], ...], *Unique] = Field(
        default=(ImageFormat.ZST,),
        min_length=1,
        description="`zst` and `xz` are compressed; `raw` and `qcow2` are for virtual machines.",
    )
    card_size: SizeText = Field(
        default="3.7 GiB",
        description="What the image must fit: by default a card of 4 GB, whose gigabytes are decimal.",
    )
    slot_size: SizeText | None = Field(
        default=None,
        description="Size of each slot; by default half as much again as its content, rounded up to 64 MiB.",
    )
    slot_budget: SizeText | None = Field(
        default=None,
        description="What the compressed system may take in a slot, the executable included; more fails the build.",
    )
    data_size: SizeText = Field(
        default="128 MiB", description="Size of the data partition in the image; a device makes it as large as it can."
    )
    slot_compression: Annotated[SlotCompression, Strict(strict=False)] = Field(
        default=SlotCompression.GZIP, description="`gzip`, or `xz`: smaller, and slower to make and to read."
    )
    modules: Annotated[tuple[ModuleName, ...], *Unique] = Field(
        default=(), description="Kernel modules that every initrd has; those of the board come on top."
    )
    programs: Mapping[DevicePath, GoProgram] = Field(
        default={}, description="Go programs that every slot has besides the cluster executable, by their path."
    )
    command_line: tuple[CommandWord, ...] = Field(
        default=(), description="Words of the kernel's command line on every board."
    )
    init: LocatedPath = Field(description="The script that is process 1 of the initrd.")
    grub: LocatedPath = Field(description="GRUB's configuration, which chooses the slot.")
