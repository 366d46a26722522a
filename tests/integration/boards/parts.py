"""What the image of a board is made of, taken apart: loaders, the boot partition, the initrd, device trees of the kernel."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import zstandard

from builder.app.make import targets_of
from builder.app.project import Project, find_project
from builder.app.session import Session, Settings
from builder.app.wanted import Wanted
from builder.app.workspace import Workspace, open_workspace
from builder.core.arch import host_arch
from builder.core.output import Output
from builder.formats.deb import extract_all
from builder.formats.fdt import FdtNode, read_fdt
from builder.formats.tar import REGULAR
from builder.image.layout import BOOT_BYTES
from builder.plan.tools import tools_step
from builder.recipe.board import Board
from builder.rootfs.content import PackageContent, open_package
from builder.steps.kinds.boot import BOOT_FILE, INITRD_FILE
from builder.steps.kinds.image_parts import PACKAGE_ROLE
from builder.steps.step import Step
from builder.toolchain.tree import ToolsTree
from tests.integration.tools.bench import Workbench

ROOT = Path(__file__).parents[3]
_TREES = "usr/lib/linux-image-"


@dataclass(frozen=True, kw_only=True)
class BoardParts:
    """The parts of the image of the board `name` of `recipe`; `bench` runs mtools."""

    name: str
    bench: Workbench
    recipe: Path = ROOT / "recipes/edge.yaml"

    @cached_property
    def board(self) -> Board:
        return self._workspace.inputs.recipe.boards[self.name]

    @cached_property
    def image(self) -> Step[Any]:
        """The step that makes the image; no part of it is made yet."""
        (target,) = targets_of(self._workspace, Wanted(outputs=[Output.IMAGE], boards=[self.name]))
        return target.step

    def whole(self) -> Path:
        """The compressed image, which takes minutes to make."""
        (image,) = self._made(self.image).glob("*.img.zst")
        return image

    def loader(self, package: str, file: str) -> bytes:
        """A file of one of the packages that loaders come from."""
        (deb,) = self._made(self.image.needs[f"{PACKAGE_ROLE}{package}"]).iterdir()
        place = self.bench.place / package
        if not place.exists():
            place.mkdir()
            extract_all(deb, place)
        return (place / file).read_bytes()

    @cached_property
    def boot_files(self) -> Mapping[str, bytes]:
        """The files of the boot partition by path, as mtools read them out of it."""
        disk, place = self.bench.place / "boot.img", self.bench.place / "boot"
        shutil.copyfile(self._made(self.image.needs["boot"]) / BOOT_FILE, disk)
        disk.chmod(0o600)
        with disk.open("r+b") as stream:
            stream.truncate(BOOT_BYTES)
        place.mkdir()
        self.bench.run(self._tools, "mcopy", "-s", "-i", disk, "::*", place)
        return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}

    @cached_property
    def modules(self) -> frozenset[str]:
        """Names of the modules in the initrd, with `_`."""
        packed = (self._made(self._initrd) / INITRD_FILE).read_bytes()
        archive = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
        return frozenset(
            name.removeprefix("modules/").removesuffix(".ko").replace("-", "_")
            for name in _cpio_names(archive)
            if name.endswith(".ko")
        )

    @contextmanager
    def kernel(self) -> Iterator[PackageContent]:
        """The package of the kernel."""
        (content,) = (step for role, step in self._initrd.needs.items() if role.startswith("content."))
        with open_package(self._made(content)) as package:
            yield package

    def device_tree(self, name: str) -> FdtNode:
        """A device tree of the kernel, by the name that boards use."""
        with self.kernel() as package:
            (member,) = (
                one
                for one in package.members
                if one.type == REGULAR and one.name.startswith(_TREES) and one.name.split("/", 3)[3] == name
            )
            return read_fdt(package.content(member).read())

    @cached_property
    def built_in(self) -> str:
        """The kernel's `modules.builtin`."""
        with self.kernel() as package:
            (member,) = (one for one in package.members if one.name.endswith("/modules.builtin"))
            return package.content(member).read().decode()

    @cached_property
    def aliases(self) -> str:
        """The `modules.alias` of the kernel, as the builder indexes it."""
        (index,) = (step for role, step in self._initrd.needs.items() if role.startswith("kernel."))
        (file,) = self._made(index).rglob("modules.alias")
        return file.read_text()

    @property
    def _initrd(self) -> Step[Any]:
        return self.image.needs["slot"].needs["initrd"]

    @cached_property
    def _project(self) -> Project:
        return find_project(os.environ)

    @cached_property
    def _workspace(self) -> Workspace:
        return open_workspace(self.recipe, ())

    @cached_property
    def _tools(self) -> ToolsTree:
        inputs = self._workspace.inputs
        step = tools_step(inputs.lock, inputs.host, "filesystem", inputs.recipe.debian)
        return ToolsTree(root=self._made(step), arch=host_arch())

    def _made(self, step: Step[Any]) -> Path:
        with Session(self._project, Settings()) as session:
            return session.obtain(step)


def first_bytes(image: Path, size_bytes: int) -> bytes:
    """How the disk begins that the compressed `image` is written to."""
    with image.open("rb") as stream:
        return zstandard.ZstdDecompressor().stream_reader(stream).read(size_bytes)


def _cpio_names(archive: bytes) -> Iterator[str]:
    """Names in a newc archive."""
    position = 0
    while True:
        size, length = int(archive[position + 54 : position + 62], 16), int(archive[position + 94 : position + 102], 16)
        name = archive[position + 110 : position + 110 + length - 1].decode()
        if name == "TRAILER!!!":
            return
        yield name
        position += 110 + length
        position += -position % 4 + size
        position += -position % 4
