"""The kinds of steps that make a disk image out of a root file system.

Plans know of them without importing what they work with.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.core.errors import BuilderError, VerificationError
from builder.image.facts import BUSYBOX_PACKAGE, GRUB_FACTS, Firmware
from builder.image.formats import ImageFormat, SlotCompression
from builder.image.loaders import LoaderCheck
from builder.steps.context import StepContext
from builder.steps.kinds.common import copy_source
from builder.steps.kinds.rootfs import OUTPUT as ROOTFS_FILE
from builder.steps.step import StepKind

if TYPE_CHECKING:
    from builder.image.filesystems import FilesystemMaker
    from builder.image.initrd import KernelFiles
    from builder.toolchain.tree import ToolsTree

INITRD_FILE, RELEASE_FILE, SLOT_FILE, BOOT_FILE = "initrd.img", "release", "slot.squashfs", "boot.img"
DESCRIPTION_FILE = "image.json"
PACKAGE_ROLE, CONTENT_ROLE, INDEX_ROLE = "package.", "content.", "kernel."
INIT_SOURCE, GRUB_SOURCE = "init", "grub.cfg"
_BUSYBOX = ("usr/bin/busybox", "bin/busybox")
_MODULES = "lib/modules/"
_INDEXES = ("modules.dep", "modules.softdep", "modules.alias", "modules.builtin")


@dataclass(frozen=True, slots=True, kw_only=True)
class InitrdInput:
    """An initrd with `modules` of the kernel that the step needs as `content.PACKAGE` and `kernel.PACKAGE`.

    `places` says where each module is asked for. `package.busybox-static` is a directory with that package, the source
    `init` what runs first.
    """

    modules: tuple[str, ...]
    places: Mapping[str, str] = field(compare=False)


def _make_initrd(wanted: InitrdInput, context: StepContext) -> None:
    from builder.image.initrd import make_initrd

    init = _source(context, INIT_SOURCE).read_bytes()
    busybox = _extracted(context, BUSYBOX_PACKAGE, _BUSYBOX)
    with _kernel(context) as kernel:
        asked = {module: wanted.places[module] for module in wanted.modules}
        data = make_initrd(kernel, asked, busybox=busybox, init=init)
    (context.output / INITRD_FILE).write_bytes(data)
    (context.output / RELEASE_FILE).write_text(kernel.release)


@contextmanager
def _kernel(context: StepContext) -> Iterator["KernelFiles"]:
    """The one kernel of the packages that the step needs, open for reading."""
    from builder.formats.tar import REGULAR
    from builder.image.initrd import KernelFiles
    from builder.rootfs.content import open_package

    content = _only(context, CONTENT_ROLE)
    index = _only(context, INDEX_ROLE)
    with open_package(content) as package:
        members = {one.name.removeprefix("usr/"): one for one in package.members if one.type == REGULAR}
        releases = {path.split("/")[2] for path in members if path.startswith(_MODULES)}
        if len(releases) != 1:
            raise BuilderError(f"{package.name} holds the modules of {len(releases)} kernels, not of one")
        (release,) = releases
        place = f"{_MODULES}{release}/"
        texts = {
            name: package.content(members[f"{place}{name}"]).read().decode()
            for name in _INDEXES
            if f"{place}{name}" in members
        }
        texts |= {path.name: path.read_text() for path in index.rglob("modules.*") if path.name in _INDEXES}
        yield KernelFiles(
            release=release,
            config=package.content(members[f"boot/config-{release}"]).read().decode(),
            indexes=texts,
            read=lambda path: package.content(members[f"{place}{path}"]).read(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrubInput:
    """GRUB of the package that the step needs as `package`, linked for `firmware` of `arch` by `tools` of a machine of `host`."""

    arch: Arch
    firmware: Firmware
    host: Arch


def _link_grub(wanted: GrubInput, context: StepContext) -> None:
    from builder.formats.deb import extract_all
    from builder.image.grub import GrubLinker

    (deb,) = context.needs["package"].iterdir()
    tree = context.scratch / "grub"
    tree.mkdir()
    extract_all(deb, tree)
    linker = GrubLinker(
        arch=wanted.arch, firmware=wanted.firmware, tools=_tools(context, "tools", wanted.host), runner=context.runner
    )
    linker.run(tree / "usr/lib/grub" / GRUB_FACTS[wanted.arch, wanted.firmware].target, context.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotInput:
    """A slot of the root file system, executable (`name`) and initrd that the step needs as `rootfs`, `executable`, `initrd`.

    `command_line` are words for the kernel, `device_tree` one of its own where GRUB is to load it.
    """

    name: str
    host: Arch
    epoch_s: int
    command_line: tuple[str, ...]
    device_tree: str
    compression: SlotCompression


def _make_slot(wanted: SlotInput, context: StepContext) -> None:
    from builder.image.grub import slot_configuration
    from builder.image.slot import SlotFile, add_to_archive

    release = (context.needs["initrd"] / RELEASE_FILE).read_text()
    tree = f"/usr/lib/linux-image-{release}/{wanted.device_tree}" if wanted.device_tree else ""
    configuration = slot_configuration(release, wanted.command_line, device_tree=tree)
    files = {
        f"usr/bin/{wanted.name}": SlotFile(mode=0o755, source=context.needs["executable"] / wanted.name),
        "boot/initrd.img": SlotFile(source=context.needs["initrd"] / INITRD_FILE),
        "boot/grub.cfg": SlotFile(data=configuration.encode()),
    }
    archive = context.scratch / "slot.tar"
    required = [f"boot/vmlinuz-{release}", *([tree.lstrip("/")] if tree else [])]
    add_to_archive(context.needs["rootfs"] / ROOTFS_FILE, archive, files, required=required, epoch_s=wanted.epoch_s)
    _maker(context, wanted.host, wanted.epoch_s).system(
        archive, context.output / SLOT_FILE, compression=wanted.compression, processors=context.cores
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BootEntry:
    """A file of the boot partition; `package` and `file`, a `device_tree` of the kernel, `text`, or a `script` of U-Boot."""

    package: str = ""
    file: str = ""
    device_tree: str = ""
    text: str = ""
    script: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootInput:
    """The boot partition: `files` by path, GRUB for UEFI (`grub`) under the name `removable`, its configuration and state.

    The source `grub.cfg` chooses the slot. `content.` and `kernel.PACKAGE` are a kernel's where there are device trees.
    """

    files: Mapping[str, BootEntry]
    removable: str
    disk_id: int
    host: Arch
    epoch_s: int


def _make_boot(wanted: BootInput, context: StepContext) -> None:
    from builder.image.environment import COPIES, FRESH, environment_block
    from builder.image.grub import CORE, DIRECTORY

    configuration = _source(context, GRUB_SOURCE).read_bytes()
    made = {f"{DIRECTORY}/grub.cfg": f"set disk_id={wanted.disk_id:08x}\n".encode() + configuration}
    made |= {f"{DIRECTORY}/{name}": environment_block(FRESH) for name in COPIES}
    if wanted.removable:
        made[f"EFI/BOOT/{wanted.removable}"] = (context.needs["grub"] / CORE).read_bytes()
    for path, entry in wanted.files.items():
        if path in made:
            raise BuilderError(f"the board wants to place {path} on the boot partition, which GRUB has there")
        made[path] = _content(entry, wanted.epoch_s, context)
    places: dict[str, Path] = {}
    for number, (path, data) in enumerate(made.items()):
        places[path] = context.scratch / f"boot-{number}"
        places[path].write_bytes(data)
    _maker(context, wanted.host, wanted.epoch_s).boot(places, context.output / BOOT_FILE, volume_id=wanted.disk_id)


def _content(entry: BootEntry, epoch_s: int, context: StepContext) -> bytes:
    from builder.image.uboot import script_image

    if entry.package:
        return _extracted(context, entry.package, (entry.file,))
    if entry.device_tree:
        return _device_tree(entry.device_tree, context)
    return script_image(entry.script, epoch_s=epoch_s) if entry.script else entry.text.encode()


def _device_tree(name: str, context: StepContext) -> bytes:
    from builder.rootfs.content import open_package

    with open_package(_only(context, CONTENT_ROLE)) as package:
        for member in package.members:
            if member.name.startswith("usr/lib/linux-image-") and member.name.endswith(f"/{name}"):
                return package.content(member).read()
        raise BuilderError(f"the kernel of {package.name} has no device tree {name}")


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
    from builder.image.disk import Contents, DiskWriter, LoaderBytes, pieces_of
    from builder.image.grub import BOOT_CODE_BYTES, BOOT_SECTOR, CORE
    from builder.image.layout import Sizes, plan_layout
    from builder.image.loaders import loader_problems

    slot = context.needs["slot"] / SLOT_FILE
    if wanted.budget_bytes:
        require_within(slot.stat().st_size, wanted.budget_bytes, context.needs["rootfs"] / ROOTFS_FILE)
    sizes = Sizes(card_bytes=wanted.card_bytes, slot_bytes=wanted.slot_bytes, data_bytes=wanted.data_bytes)
    layout = plan_layout(sizes, slot_content_bytes=slot.stat().st_size, disk_id=wanted.disk_id)
    loaders = []
    for one in wanted.loaders:
        data = _extracted(context, one.package, (one.file,))
        if one.check and (problems := loader_problems(one.check, data)):
            raise VerificationError(
                f"the board would not start its loader {one.name}",
                details=[f"{one.file} of {one.package}: {line}" for line in problems],
            )
        loaders.append(LoaderBytes(what=f"the loader {one.name}", offset_bytes=one.offset_bytes, data=data))
    bios = context.needs.get("bios")
    data_place = context.scratch / "data.img"
    contents = Contents(
        boot=context.needs["boot"] / BOOT_FILE,
        slot=slot,
        data=data_place,
        loaders=loaders,
        boot_code=(bios / BOOT_SECTOR).read_bytes()[:BOOT_CODE_BYTES] if bios else b"",
        core=(bios / CORE).read_bytes() if bios else b"",
    )
    # One identity for a disk: what it is derived from stays the same from version to version.
    uuid = uuid5(NAMESPACE_OID, f"data {wanted.disk_id:08x}")
    data_bytes = layout.partition("data").size_bytes
    _maker(context, wanted.host, wanted.epoch_s).data(data_place, size_bytes=data_bytes, uuid=uuid)
    DiskWriter(
        name=wanted.name,
        formats=wanted.formats,
        filesystem=_tools(context, "tools", wanted.host),
        emulator=_tools(context, "qemu", wanted.host) if "qemu" in context.needs else None,
        runner=context.runner,
        scratch=context.scratch,
        cores=context.cores,
    ).run(pieces_of(contents, layout), layout, context.output)


def _extracted(context: StepContext, package: str, paths: tuple[str, ...]) -> bytes:
    """The content of the first of `paths` that the package has; `BuilderError` where it has none."""
    from builder.formats.deb import extract_files, list_members

    (deb,) = context.needs[f"{PACKAGE_ROLE}{package}"].iterdir()
    names = {member.name for member in list_members(deb)}
    path = next((one for one in paths if one in names), paths[0])
    target = context.scratch / "extracted"
    extract_files(deb, {path: target})
    data = target.read_bytes()
    target.unlink()
    return data


def _maker(context: StepContext, host: Arch, epoch_s: int) -> "FilesystemMaker":
    from builder.image.filesystems import FilesystemMaker

    return FilesystemMaker(tools=_tools(context, "tools", host), runner=context.runner, epoch_s=epoch_s)


def _tools(context: StepContext, role: str, host: Arch) -> "ToolsTree":
    from builder.toolchain.tree import ToolsTree

    return ToolsTree(root=context.needs[role], arch=host)


def _only(context: StepContext, prefix: str) -> Path:
    """The one need whose role begins with `prefix`."""
    found = {role: path for role, path in context.needs.items() if role.startswith(prefix)}
    if len(found) != 1:
        raise BuilderError(
            f"an image has one kernel, and the root file system has {len(found)}",
            details=sorted(role.removeprefix(prefix) for role in found),
            hint="rootfs.packages names the kernel",
        )
    return next(iter(found.values()))


def _source(context: StepContext, name: str) -> Path:
    target = context.scratch / "sources" / name
    copy_source(context.sources[name], target)
    return target


INITRD = StepKind(name="initrd", version=1, run=_make_initrd)
GRUB = StepKind(name="grub", version=1, run=_link_grub)
SLOT = StepKind(name="slot", version=2, run=_make_slot)
BOOT = StepKind(name="boot-partition", version=1, run=_make_boot)
IMAGE = StepKind(name="disk-image", version=1, run=_make_image)
