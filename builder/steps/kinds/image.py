"""The kinds of steps that make a slot out of a root file system, and a disk image out of that.

Plans know of them without importing what they work with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.core.errors import VerificationError
from builder.formats.diskimage import ImageFormat
from builder.image.formats import SlotCompression
from builder.image.loaders import LoaderCheck
from builder.steps.context import StepContext
from builder.steps.kinds.boot import BOOT_FILE, INITRD_FILE, RELEASE_FILE
from builder.steps.kinds.image_parts import extracted, filesystem_maker, tools_of
from builder.steps.kinds.rootfs import OUTPUT as ROOTFS_FILE
from builder.steps.step import StepKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from builder.image.disk import Contents, LoaderBytes
    from builder.image.slot import SlotFile

SLOT_FILE, DESCRIPTION_FILE = "slot.squashfs", "image.json"
# An update: the file system, and the manifest that is signed.
UPDATE_SUFFIXES = SYSTEM_SUFFIX, MANIFEST_SUFFIX = (".squashfs", ".update")
# Where a system reads what it is.
ABOUT_FILE = "usr/lib/device/slot.json"
# What the initrd starts in a slot.
_PROGRAMS = ("usr/sbin/e2fsck", "usr/sbin/init")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a slot's system is: the recipe's name, its version, and what it is made for."""

    name: str
    version: str
    architecture: Arch
    board: str

    def to_json(self) -> Mapping[str, str]:
        """As devices and updates tell it."""
        return {
            "name": self.name,
            "version": self.version,
            "architecture": self.architecture.value,
            "board": self.board,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotInput:
    """A slot of the root file system, executable (`name`) and initrd that the step needs as `rootfs`, `executable`, `initrd`.

    `about` tells the system what it is. `command_line` are words for the kernel, `device_tree` one of its own where GRUB is to
    load it. `programs` are the paths of further executables, each needed as its `program_role`.
    """

    name: str
    host: Arch
    epoch_s: int
    command_line: tuple[str, ...]
    device_tree: str
    compression: SlotCompression
    programs: tuple[str, ...]
    about: "About"


def program_role(path: str) -> str:
    """What the step calls the program that lies at `path` of a slot."""
    return f"program.{path}"


def _make_slot(wanted: SlotInput, context: StepContext) -> None:
    from builder.image.grub import slot_configuration
    from builder.image.slot import SlotArchive, SlotFile

    release = (context.needs["initrd"] / RELEASE_FILE).read_text()
    tree = f"/usr/lib/linux-image-{release}/{wanted.device_tree}" if wanted.device_tree else ""
    configuration = slot_configuration(release, wanted.command_line, device_tree=tree)
    files = {
        f"usr/bin/{wanted.name}": SlotFile(mode=0o755, source=context.needs["executable"] / wanted.name),
        **{path.lstrip("/"): _program(context.needs[program_role(path)], path) for path in wanted.programs},
        ABOUT_FILE: SlotFile(data=json.dumps(wanted.about.to_json(), indent=2).encode() + b"\n"),
        "boot/initrd.img": SlotFile(source=context.needs["initrd"] / INITRD_FILE),
        "boot/grub.cfg": SlotFile(data=configuration.encode()),
    }
    required = [f"boot/vmlinuz-{release}", *_PROGRAMS, *([tree.lstrip("/")] if tree else [])]
    archive = SlotArchive.of(context.needs["rootfs"] / ROOTFS_FILE, files, required=required, epoch_s=wanted.epoch_s)
    filesystem_maker(context, wanted.host, wanted.epoch_s).system(
        archive.write, context.output / SLOT_FILE, compression=wanted.compression, processors=context.cores
    )


def _program(made: "Path", path: str) -> "SlotFile":
    from builder.image.slot import SlotFile

    return SlotFile(mode=0o755, source=made / path.rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderInput:
    """A boot loader called `name`: `file` of `package` at `offset_bytes`; `check` names the header that is verified."""

    name: str
    package: str
    file: str
    offset_bytes: int
    check: LoaderCheck | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInput:
    """The image `name` in `formats`, of the steps needed as `boot` and `slot`, with boot loaders out of `package.NAME`.

    `bios` is GRUB for a BIOS, where there is one; `qemu` are tools for qcow2. Sizes are in bytes; see `image.layout`. With
    `budget_bytes` the content of the slot, which `rootfs` went into, must not be larger.
    """

    name: str
    formats: tuple[ImageFormat, ...]
    loaders: tuple[LoaderInput, ...]
    disk_id: int
    host: Arch
    epoch_s: int
    card_bytes: int
    slot_bytes: int
    budget_bytes: int
    data_bytes: int


def _make_image(wanted: ImageInput, context: StepContext) -> None:
    from uuid import NAMESPACE_OID, uuid5

    from builder.audit.rootfs.budget import require_within
    from builder.image.disk import DiskWriter, pieces_of
    from builder.image.layout import Sizes, plan_layout

    sizes = Sizes(card_bytes=wanted.card_bytes, slot_bytes=wanted.slot_bytes, data_bytes=wanted.data_bytes)
    slot_bytes = (context.needs["slot"] / SLOT_FILE).stat().st_size
    if wanted.budget_bytes:
        require_within(slot_bytes, wanted.budget_bytes, context.needs["rootfs"] / ROOTFS_FILE)
    layout = plan_layout(sizes, slot_content_bytes=slot_bytes, disk_id=wanted.disk_id)
    # One identity for a disk: what it is derived from stays the same from version to version.
    uuid = uuid5(NAMESPACE_OID, f"data {wanted.disk_id:08x}")
    data_bytes = layout.partition("data").size_bytes
    data = context.scratch / "data.img"
    used = filesystem_maker(context, wanted.host, wanted.epoch_s).data(data, size_bytes=data_bytes, uuid=uuid)
    contents = _contents(wanted, context, data, used)
    DiskWriter(
        name=wanted.name,
        formats=wanted.formats,
        filesystem=tools_of(context, "tools", wanted.host),
        emulator=tools_of(context, "qemu", wanted.host) if "qemu" in context.needs else None,
        runner=context.runner,
        scratch=context.scratch,
        cores=context.cores,
    ).run(pieces_of(contents, layout), layout, context.output)


def _contents(
    wanted: ImageInput, context: StepContext, data: "Path", data_used: "Sequence[tuple[int, int]]"
) -> "Contents":
    """What the image is made of; of the data partition `data`, what `data_used` says."""
    from builder.image.disk import Contents
    from builder.image.grub import BOOT_CODE_BYTES, BOOT_SECTOR, CORE

    bios = context.needs.get("bios")
    return Contents(
        boot=context.needs["boot"] / BOOT_FILE,
        slot=context.needs["slot"] / SLOT_FILE,
        data=data,
        data_used=data_used,
        loaders=[_loader(one, context) for one in wanted.loaders],
        boot_code=(bios / BOOT_SECTOR).read_bytes()[:BOOT_CODE_BYTES] if bios else b"",
        core=(bios / CORE).read_bytes() if bios else b"",
    )


def _loader(wanted: LoaderInput, context: StepContext) -> "LoaderBytes":
    from builder.image.disk import LoaderBytes
    from builder.image.loaders import loader_problems

    data = extracted(context, wanted.package, (wanted.file,))
    if wanted.check and (problems := loader_problems(wanted.check, data)):
        raise VerificationError(
            f"the board would not start its loader {wanted.name}",
            details=[f"{wanted.file} of {wanted.package}: {line}" for line in problems],
        )
    return LoaderBytes(what=f"the loader {wanted.name}", offset_bytes=wanted.offset_bytes, data=data)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateInput:
    """The update `name` out of the slot that the step needs as `slot`, in blocks of `block_bytes`."""

    name: str
    about: About
    block_bytes: int


def _make_update(wanted: UpdateInput, context: StepContext) -> None:
    from builder.image.update import update_manifest
    from builder.io.files import copy_file

    slot, system = context.needs["slot"] / SLOT_FILE, f"{wanted.name}{SYSTEM_SUFFIX}"
    copy_file(slot, context.output / system)
    manifest = update_manifest(slot, wanted.about.to_json(), file=system, block_bytes=wanted.block_bytes)
    (context.output / f"{wanted.name}{MANIFEST_SUFFIX}").write_bytes(manifest)


UPDATE = StepKind(name="update", version=1, run=_make_update)
SLOT = StepKind(name="slot", version=4, run=_make_slot)
IMAGE = StepKind(name="disk-image", version=2, run=_make_image)
