"""The steps that make disk images."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.core.resources import GIB, MIB, Resources, parse_size
from builder.debian.pins import PinnedFile
from builder.formats.diskimage import ImageFormat
from builder.image.facts import BUSYBOX_PACKAGE, GRUB_FACTS, Firmware
from builder.plan.built import GoWorkshop
from builder.plan.debian import pool_step
from builder.plan.inputs import Inputs
from builder.plan.rootfs import RootfsWorkshop
from builder.plan.tools import tools_step
from builder.recipe.board import Board, BootFile
from builder.recipe.cluster import BuiltCluster
from builder.recipe.image import DiskImage
from builder.recipe.keypath import format_key_path
from builder.steps.kinds.boot import (
    BOOT,
    GRUB,
    GRUB_SOURCE,
    INIT_SOURCE,
    INITRD,
    BootEntry,
    BootInput,
    GrubInput,
    InitrdInput,
)
from builder.steps.kinds.image import (
    IMAGE,
    SLOT,
    UPDATE,
    About,
    ImageInput,
    LoaderInput,
    SlotInput,
    UpdateInput,
    program_role,
)
from builder.steps.kinds.image_parts import PACKAGE_ROLE
from builder.steps.step import Step

_INITRD = Resources(cores=1, memory_bytes=256 * MIB)
_SMALL = Resources(cores=1, memory_bytes=128 * MIB)
# mksquashfs takes a quarter of the memory that it sees, as a cache: it is told to stay below this.
_SLOT = Resources(cores=2, memory_bytes=1 * GIB, disk_bytes=1 * GIB)
_IMAGE = Resources(cores=2, memory_bytes=512 * MIB, disk_bytes=1 * GIB)

_UPDATE = Resources(cores=1, memory_bytes=64 * MIB, disk_bytes=256 * MIB)
# A manifest of smaller blocks takes more than they save: docs/guides/os-update.md has figures.
_UPDATE_BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class ImageWorkshop:
    """Composes the steps of disk images; `rootfs` and `executable` make what goes into them."""

    inputs: Inputs
    rootfs: RootfsWorkshop
    executable: Callable[[Arch], Step[Any]]

    def image(self, name: str) -> Step[ImageInput]:
        """The step that makes the image for the board `name`."""
        board, section = self.inputs.recipe.boards[name], self._section
        needs: dict[str, Step[Any]] = {
            "slot": self._slot(name, board),
            "boot": self._boot(name, board),
            "rootfs": self.rootfs.rootfs(board.architecture),
            "tools": self._tools("filesystem"),
        }
        if Firmware.BIOS in board.firmware:
            needs["bios"] = self._grub(board.architecture, Firmware.BIOS)
        if ImageFormat.QCOW2 in section.formats:
            needs["qemu"] = self._tools("qemu")
        needs |= self._packages(board.architecture, {one.package for one in board.loaders.values()})
        return Step(
            id=f"{self._place(name)}/image",
            kind=IMAGE,
            input=ImageInput(
                name=image_name(self.inputs, name),
                formats=section.formats,
                loaders=_loaders(board),
                disk_id=self._disk_id(name),
                host=self.inputs.host,
                epoch_s=self.inputs.lock.epoch_s,
                card_bytes=parse_size(section.card_size),
                slot_bytes=parse_size(section.slot_size) if section.slot_size else 0,
                budget_bytes=parse_size(section.slot_budget) if section.slot_budget else 0,
                data_bytes=parse_size(section.data_size),
            ),
            needs=needs,
            resources=_IMAGE,
            origins=self._origins(name),
        )

    def update(self, name: str) -> Step[UpdateInput]:
        """The step that makes the update of devices with the board `name`."""
        return Step(
            id=f"{self._place(name)}/update",
            kind=UPDATE,
            input=UpdateInput(
                name=image_name(self.inputs, name), about=self._about(name), block_bytes=_UPDATE_BLOCK_BYTES
            ),
            needs={"slot": self._slot(name, self.inputs.recipe.boards[name])},
            resources=_UPDATE,
        )

    def _slot(self, name: str, board: Board) -> Step[SlotInput]:
        section = self._section
        return Step(
            id=f"{self._place(name)}/slot",
            kind=SLOT,
            input=SlotInput(
                name=self.inputs.recipe.cluster.name,
                host=self.inputs.host,
                epoch_s=self.inputs.lock.epoch_s,
                command_line=(*section.command_line, *board.command_line),
                device_tree=board.device_tree or "",
                compression=section.slot_compression,
                programs=tuple(section.programs),
                about=self._about(name),
            ),
            needs={
                "rootfs": self.rootfs.rootfs(board.architecture),
                "executable": self.executable(board.architecture),
                "initrd": self._initrd(name, board),
                "tools": self._tools("filesystem"),
                **{program_role(path): self._program(path, board.architecture) for path in section.programs},
            },
            resources=_SLOT,
            origins={"input.about.version": self.inputs.origin("image.version")},
        )

    def _about(self, name: str) -> About:
        recipe = self.inputs.recipe
        architecture = recipe.boards[name].architecture
        return About(name=recipe.name, version=self._section.version, architecture=architecture, board=name)

    def _program(self, path: str, arch: Arch) -> Step[Any]:
        cluster, key = self.inputs.recipe.cluster, format_key_path(("image", "programs", path))
        if not isinstance(cluster, BuiltCluster):
            raise RecipeError(
                f"{self.inputs.origin(key)}: {key}: the cluster executable is imported, nothing is built in Go",
                hint="drop image.programs with null",
            )
        step_id = f"{self.inputs.recipe.name}/{arch}/programs/{PurePosixPath(path).name}"
        go = GoWorkshop(inputs=self.inputs, cluster=cluster)
        return go.program(step_id, self._section.programs[path], self.inputs.programs[path], arch)

    def _initrd(self, name: str, board: Board) -> Step[InitrdInput]:
        lists = {("image", "modules"): self._section.modules, ("boards", name, "modules"): board.modules}
        modules = {
            module: self.inputs.origin(format_key_path((*key, index)))
            for key, listed in lists.items()
            for index, module in enumerate(listed)
        }
        sources = {INIT_SOURCE: self.inputs.boot_files[INIT_SOURCE]}
        return Step(
            id=f"{self._place(name)}/initrd",
            kind=INITRD,
            input=InitrdInput(modules=tuple(modules), places=modules),
            needs={
                **self.rootfs.kernels(board.architecture),
                **self._packages(board.architecture, {BUSYBOX_PACKAGE}),
            },
            sources=sources,
            resources=_INITRD,
            origins=self.inputs.places(sources),
        )

    def _boot(self, name: str, board: Board) -> Step[BootInput]:
        uefi = GRUB_FACTS.get((board.architecture, Firmware.UEFI)) if Firmware.UEFI in board.firmware else None
        needs: dict[str, Step[Any]] = {"tools": self._tools("filesystem")}
        if uefi:
            needs["grub"] = self._grub(board.architecture, Firmware.UEFI)
        if any(file.device_tree for file in board.files.values()):
            needs |= self.rootfs.kernels(board.architecture)
        needs |= self._packages(board.architecture, {file.package for file in board.files.values() if file.package})
        sources = {GRUB_SOURCE: self.inputs.boot_files[GRUB_SOURCE]}
        return Step(
            id=f"{self._place(name)}/boot",
            kind=BOOT,
            input=BootInput(
                files={path: _boot_entry(file) for path, file in board.files.items()},
                removable=uefi.removable if uefi else "",
                disk_id=self._disk_id(name),
                host=self.inputs.host,
                epoch_s=self.inputs.lock.epoch_s,
            ),
            needs=needs,
            sources=sources,
            resources=_SMALL,
            origins=self.inputs.places(sources),
        )

    def _grub(self, arch: Arch, firmware: Firmware) -> Step[GrubInput]:
        facts = GRUB_FACTS[arch, firmware]
        return Step(
            id=f"debian/grub/{facts.target}",
            kind=GRUB,
            input=GrubInput(arch=arch, firmware=firmware, host=self.inputs.host),
            needs={"package": self._pool(arch, facts.package), "tools": self._tools("boot")},
            resources=_SMALL,
        )

    def _packages(self, arch: Arch, names: set[str]) -> dict[str, Step[Any]]:
        return {f"{PACKAGE_ROLE}{name}": self._pool(arch, name) for name in sorted(names)}

    def _pool(self, arch: Arch, name: str) -> Step[Any]:
        return pool_step(self._pins[arch][name], self.inputs.recipe.debian)

    @cached_property
    def _pins(self) -> Mapping[Arch, Mapping[str, PinnedFile]]:
        locked = self.inputs.lock.debian.boards if self.inputs.lock.debian else {}
        return {arch: {pin.name: pin for pin in boards.packages} for arch, boards in locked.items()}

    def _tools(self, name: str) -> Step[Any]:
        return tools_step(self.inputs.lock, self.inputs.host, name, self.inputs.recipe.debian)

    def _place(self, name: str) -> str:
        recipe = self.inputs.recipe
        return f"{recipe.name}/{recipe.boards[name].architecture}/{name}"

    def _disk_id(self, name: str) -> int:
        """The same for every version of an image, so that a slot of a later one finds the disk that it is written to."""
        text = f"disk of {self.inputs.recipe.name} for {name}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") | 1

    def _origins(self, name: str) -> dict[str, str]:
        keys = {"card_bytes": "card_size", "slot_bytes": "slot_size", "data_bytes": "data_size", "formats": "formats"}
        keys["budget_bytes"] = "slot_budget"
        found = {f"input.{fact}": self.inputs.origin(f"image.{key}") for fact, key in keys.items()}
        for number, title in enumerate(self.inputs.recipe.boards[name].loaders):
            key = format_key_path(("boards", name, "loaders", title, "offset"))
            found[f"input.loaders[{number}].offset_bytes"] = self.inputs.origin(key)
        return found

    @cached_property
    def _section(self) -> DiskImage:
        section = self.inputs.recipe.image
        if section is None:
            raise RecipeError(f"{self.inputs.origin('outputs')}: an image is wanted, but the section image is missing")
        return section


def image_name(inputs: Inputs, board: str) -> str:
    """The name of the image for `board`, without suffixes."""
    return f"{inputs.recipe.name}-{board}"


def _loaders(board: Board) -> tuple[LoaderInput, ...]:
    return tuple(
        LoaderInput(name=name, package=one.package, file=one.file, offset_bytes=parse_size(one.offset), check=one.check)
        for name, one in board.loaders.items()
    )


def _boot_entry(file: BootFile) -> BootEntry:
    return BootEntry(
        package=file.package or "",
        file=file.file or "",
        device_tree=file.device_tree or "",
        text=file.content or "",
        script=file.script or "",
    )
