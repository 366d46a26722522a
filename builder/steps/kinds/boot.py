"""The kinds of steps that make what starts a device: initrd, GRUB, the boot partition.

Plans know of them without importing what they work with.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.image.facts import BUSYBOX_PACKAGE, GRUB_FACTS, Firmware
from builder.steps.context import StepContext
from builder.steps.kinds.image_parts import (
    CONTENT_ROLE,
    INDEX_ROLE,
    extracted,
    filesystem_maker,
    only_need,
    source_copy,
    tools_of,
)
from builder.steps.step import StepKind

if TYPE_CHECKING:
    from builder.image.initrd import KernelFiles

INITRD_FILE, RELEASE_FILE, BOOT_FILE = "initrd.img", "release", "boot.img"
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

    init = source_copy(context, INIT_SOURCE).read_bytes()
    busybox = extracted(context, BUSYBOX_PACKAGE, _BUSYBOX)
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

    content = only_need(context, CONTENT_ROLE)
    index = only_need(context, INDEX_ROLE)
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
        arch=wanted.arch, firmware=wanted.firmware, tools=tools_of(context, "tools", wanted.host), runner=context.runner
    )
    linker.run(tree / "usr/lib/grub" / GRUB_FACTS[wanted.arch, wanted.firmware].target, context.output)


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

    configuration = source_copy(context, GRUB_SOURCE).read_bytes()
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
    filesystem_maker(context, wanted.host, wanted.epoch_s).boot(
        places, context.output / BOOT_FILE, volume_id=wanted.disk_id
    )


def _content(entry: BootEntry, epoch_s: int, context: StepContext) -> bytes:
    from builder.image.uboot import script_image

    if entry.package:
        return extracted(context, entry.package, (entry.file,))
    if entry.device_tree:
        return _device_tree(entry.device_tree, context)
    return script_image(entry.script, epoch_s=epoch_s) if entry.script else entry.text.encode()


def _device_tree(name: str, context: StepContext) -> bytes:
    from builder.rootfs.content import open_package

    with open_package(only_need(context, CONTENT_ROLE)) as package:
        for member in package.members:
            if member.name.startswith("usr/lib/linux-image-") and member.name.endswith(f"/{name}"):
                return package.content(member).read()
        raise BuilderError(f"the kernel of {package.name} has no device tree {name}")


INITRD = StepKind(name="initrd", version=2, run=_make_initrd)
GRUB = StepKind(name="grub", version=1, run=_link_grub)
BOOT = StepKind(name="boot-partition", version=1, run=_make_boot)
