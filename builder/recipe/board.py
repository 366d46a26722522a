"""The `boards` section: what differs between devices, as data."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from builder.image.facts import Firmware
from builder.image.loaders import LoaderCheck
from builder.recipe.section import NamedArch, Section, Unique
from builder.recipe.shapes import CommandWord, DebianName, DnsLabel, LineText, ModuleName, PayloadPath, SizeText


class Stage(StrEnum):
    """How far a board's image is known to come on an emulated machine."""

    LOADER = "loader"
    KERNEL = "kernel"
    USERSPACE = "userspace"
    RUNNING = "running"


class Medium(StrEnum):
    """What a board may start from instead of a card."""

    USB = "usb"
    EMMC = "emmc"


class Loader(Section):
    """A file that is written to a fixed place of the disk, where the board's ROM looks for it."""

    package: DebianName = Field(description="Debian's package that has it; it is not installed.")
    file: PayloadPath = Field(description="Its path in the package.")
    offset: SizeText = Field(description="Where it begins on the disk.")
    check: Annotated[LoaderCheck, Strict(strict=False)] | None = Field(
        default=None,
        description=(
            "Header that is verified, with its checksums, before it is written: `egon` (Allwinner), `rockchip`, `omap` (TI's"
            " MLO), `uboot` (an image of U-Boot, old format or FIT)."
        ),
    )


class BootFile(Section):
    """A file on the boot partition; it has `package` and `file`, or one of `device_tree`, `content`, `script`."""

    package: DebianName | None = Field(
        default=None, description="Debian's package that has it; it is not installed. With `file`."
    )
    file: PayloadPath | None = Field(default=None, description="Its path in the package.")
    device_tree: PayloadPath | None = Field(
        default=None, description="A device tree of the kernel, such as `bcm2836-rpi-2-b.dtb`."
    )
    content: str | None = Field(default=None, description="Its text.")
    script: str | None = Field(
        default=None, description="Commands of U-Boot, which become a script image (`boot.scr`)."
    )


class Board(Section):
    """A kind of device that an image is made for."""

    title: LineText = Field(description="Its name for people.")
    architecture: NamedArch = Field(description="Its architecture.")
    firmware: Annotated[tuple[Annotated[Firmware, Strict(strict=False)], ...], *Unique] = Field(
        default=(Firmware.UEFI,),
        min_length=1,
        description="What starts GRUB: `uefi` (U-Boot is one), `bios`, or both from one disk.",
    )
    loaders: Mapping[DnsLabel, Loader] = Field(
        default={}, description="Boot loaders by a name of your choice; none where firmware is part of the device."
    )
    files: Mapping[PayloadPath, BootFile] = Field(
        default={}, description="Files on the boot partition, by their paths in it."
    )
    device_tree: PayloadPath | None = Field(
        default=None,
        description=(
            "Device tree of the kernel that GRUB loads, such as `sun8i-h3-orangepi-pc-plus.dtb`; by default the firmware's."
        ),
    )
    modules: Annotated[tuple[ModuleName, ...], *Unique] = Field(
        default=(), description="Kernel modules that it needs to reach its disk, besides `image.modules`."
    )
    command_line: tuple[CommandWord, ...] = Field(
        default=(), description="Words of the kernel's command line, such as `console=ttyS0,115200`."
    )
    media: Mapping[Annotated[Medium, Strict(strict=False)], LineText] = Field(
        default={},
        description="Media besides a card, `usb` and `emmc`: whether the board starts from them, and what that takes.",
    )
    imager: Annotated[tuple[DnsLabel, ...], *Unique] = Field(
        default=(),
        description="Raspberry Pi Imager's words for the models that it is, such as `pi4-64bit`; none for other boards.",
    )
    machines: Mapping[DnsLabel, Annotated[Stage, Strict(strict=False)]] = Field(
        default={},
        description=(
            "Emulated machines of `recipes/machines/` that boot its image, and how far: `loader`, `kernel`, `userspace` or"
            " `running`. Without any, the image is built and checked only."
        ),
    )
