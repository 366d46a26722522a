"""What QEMU emulates, as `recipes/machines/NAME.yaml` describes it."""

import json
from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict, StringConstraints

from builder.core.generated import COMMAND
from builder.recipe.section import NamedArch, Section, Unique

_FilePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+-]*$")]
_Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.,=_-]*$")]


class Bus(StrEnum):
    """How a disk is attached."""

    VIRTIO = "virtio"
    SD = "sd"


class Adapter(StrEnum):
    """What is between the machine and a network: a device that is added, one that the board has, nothing."""

    VIRTIO = "virtio"
    BOARD = "board"
    NONE = "none"


class Screen(StrEnum):
    """The device that is added where somebody wants to see a picture."""

    VGA = "VGA"
    RAMFB = "ramfb"
    NONE = "none"


class Uefi(Section):
    """UEFI out of two flash memories: the code, shared by all, and the variables, of which every machine has a copy."""

    code: _FilePath = Field(description="File of the code in the tree of tools.")
    variables: _FilePath = Field(description="File of empty variables in the tree of tools.")


class Card(Section):
    """Stands for firmware that QEMU does not emulate: its files are taken out of the image's FAT partition and started."""

    kernel: _FilePath = Field(description="What it starts, a path on the FAT partition: U-Boot.")
    devicetree: _FilePath = Field(description="The device tree that it hands over, a path on the FAT partition.")


class MachineType(Section):
    """A kind of machine. Its name is the file's."""

    title: str = Field(description="What it is, for people.", min_length=1)
    arch: NamedArch = Field(description="Architecture of what runs on it.")
    default: bool = Field(default=False, description="Taken for images of its architecture that name no machine.")
    emulator: _Word = Field(description="The program of QEMU.")
    machine: _Word = Field(description="Its option -machine.")
    cpu: _Word | None = Field(default=None, description="Its option -cpu; by default what the board has.")
    cores: int = Field(ge=1, le=64, description="Processors.")
    memory_mib: int = Field(ge=64, description="Memory, unless another size is asked for.")
    fixed_size: bool = Field(
        default=False,
        description="Whether it is a board that has so many processors and so much memory, no more and no less.",
    )
    uefi: Uefi | None = Field(default=None, description="Firmware; without it and `card` the machine's own starts.")
    card: Card | None = Field(default=None, description="What stands for the machine's own firmware.")
    disk: Annotated[Bus, Strict(strict=False)] = Field(description="How the image is attached.")
    network: Annotated[Adapter, Strict(strict=False)] = Field(description="What networks are attached to.")
    screen: Annotated[Screen, Strict(strict=False)] = Field(default=Screen.NONE, description="What draws pictures.")
    console: int = Field(default=0, ge=0, le=3, description="Which serial port people talk to.")
    kvm: bool = Field(default=False, description="Whether it runs on a processor of its architecture at full speed.")
    devices: Annotated[tuple[_Word, ...], *Unique] = Field(default=(), description="Further devices, as for -device.")


def json_schema() -> str:
    """The JSON Schema of a file that describes a machine, as it is exported."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Generated: {COMMAND}"}
    return json.dumps(schema | MachineType.model_json_schema(), indent=2) + "\n"
