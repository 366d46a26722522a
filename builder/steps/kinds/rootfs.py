"""The kinds of steps that make a root file system out of packages.

Plans know of these steps without importing what they work with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.rootfs.customize.model import Customization
from builder.steps.context import StepContext
from builder.steps.kinds.common import copy_source
from builder.steps.step import StepKind

if TYPE_CHECKING:
    from builder.rootfs.effects.base import Image
    from builder.rootfs.native.bench import Bench

OUTPUT, CHANGES = "rootfs.tar", "changes.json"
_CONTENT, _KERNEL, _KNOWLEDGE = "content.", "kernel.", "knowledge/"
_AUDIT = "audit/"
_LAID = ("overlay/", "files/", "slim/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentInput:
    """The one package that the step needs as `package`; `tools`, for a machine of `host`, have xz."""

    host: Arch


def _unpack(wanted: ContentInput, context: StepContext) -> None:
    from builder.rootfs.content import unpack_package
    from builder.rootfs.native.xz import XzDecompressor
    from builder.toolchain.tree import ToolsTree

    (deb,) = context.needs["package"].iterdir()
    tools = ToolsTree(root=context.needs["tools"], arch=wanted.host)
    unpack_package(deb, context.output, XzDecompressor(tools=tools, runner=context.runner, threads=context.cores))


@dataclass(frozen=True, slots=True, kw_only=True)
class HwdbInput:
    """The hardware database of the package that the step needs as `content`, by `tools` of a machine of `host`."""

    host: Arch


def _compile_hwdb(wanted: HwdbInput, context: StepContext) -> None:
    from builder.rootfs.content import open_package
    from builder.rootfs.native.hwdb import prepare_hwdb

    with open_package(context.needs["content"]) as package:
        prepare_hwdb(package, _bench(wanted.host, context), context.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelInput:
    """The indexes of the modules of the kernel package that the step needs as `content`, by `tools` of a machine of `host`."""

    host: Arch


def _index_kernel(wanted: KernelInput, context: StepContext) -> None:
    from builder.formats.tar import REGULAR
    from builder.rootfs.content import open_package
    from builder.rootfs.native.depmod import index_modules

    with open_package(context.needs["content"]) as package:
        files = {one.name: package.content(one) for one in package.members if one.type == REGULAR}
        modules = {f"usr/{path}" if path.startswith("lib/") else path: content for path, content in files.items()}
        made = index_modules(modules, _bench(wanted.host, context))
    for path, data in made.items():
        target = context.output / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootfsInput:
    """A root file system for `arch` of the packages that the step needs as `content.NAME`, dated `epoch_s`.

    `tools`, for a machine of `host`, compile what packages bring as text; `kernel.NAME` are indexes of modules, `hwdb` is the
    database of the package udev alone. The sources
    `knowledge/...` say what maintainer scripts do; `overlay/...`, `files/...` and `slim/...` are what `customization` speaks of.
    """

    arch: Arch
    host: Arch
    epoch_s: int
    customization: Customization


def _make_rootfs(wanted: RootfsInput, context: StepContext) -> None:
    from builder.rootfs.emit import write_tar
    from builder.rootfs.engine import Assembly
    from builder.rootfs.knowledge.load import read_knowledge

    knowledge = read_knowledge(_copied(context, _KNOWLEDGE))
    directories = [path for role, path in context.needs.items() if role.startswith(_CONTENT)]
    kernels = [path for role, path in context.needs.items() if role.startswith(_KERNEL)]
    assembly = Assembly(
        arch=wanted.arch,
        knowledge=knowledge,
        epoch_s=wanted.epoch_s,
        modules={path: data for kernel in kernels for path, data in _files_below(kernel).items()},
        bench=_bench(wanted.host, context),
        hwdb=context.needs.get("hwdb"),
    )
    with assembly.run(directories) as image:
        _customize(image, wanted.customization, context)
        _audit(image, wanted.customization, context)
        write_tar(image.tree, context.output / OUTPUT, epoch_s=wanted.epoch_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptInput:
    """The files `keep` for `arch`, with what they need, of the packages that the step needs as `content.NAME`.

    The rest is as in `RootfsInput`.
    """

    arch: Arch
    host: Arch
    epoch_s: int
    keep: tuple[str, ...]


def _keep_files(wanted: KeptInput, context: StepContext) -> None:
    from builder.rootfs.emit import write_tar
    from builder.rootfs.engine import Assembly
    from builder.rootfs.kept import keep_only
    from builder.rootfs.knowledge.load import read_knowledge

    assembly = Assembly(
        arch=wanted.arch,
        knowledge=read_knowledge(_copied(context, _KNOWLEDGE)),
        epoch_s=wanted.epoch_s,
        bench=_bench(wanted.host, context),
    )
    with assembly.run([path for role, path in context.needs.items() if role.startswith(_CONTENT)]) as image:
        keep_only(image, wanted.keep)
        write_tar(image.tree, context.output / OUTPUT, epoch_s=wanted.epoch_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomizedInput:
    """The root file system that the step needs as `bootstrapped`, with what `customization` lays over it; see `RootfsInput`."""

    arch: Arch
    host: Arch
    epoch_s: int
    customization: Customization


def _customize_archive(wanted: CustomizedInput, context: StepContext) -> None:
    from builder.rootfs.emit import write_tar
    from builder.rootfs.reread import open_image

    archive, bench = context.needs["bootstrapped"] / OUTPUT, _bench(wanted.host, context)
    with open_image(archive, arch=wanted.arch, epoch_s=wanted.epoch_s, bench=bench) as image:
        _customize(image, wanted.customization, context)
        _audit(image, wanted.customization, context)
        write_tar(image.tree, context.output / OUTPUT, epoch_s=wanted.epoch_s)


def _customize(image: "Image", wanted: Customization, context: StepContext) -> None:
    """Lay what the recipe wants over the packages, leave out what it does not want, and write what was changed."""
    from builder.rootfs.customize.apply import Customizer
    from builder.rootfs.customize.changes import changes_json

    contents = {f"{kind}{name}": path for kind in _LAID for name, path in _copied(context, kind).items()}
    shown = {name: str(context.sources[name].path) for name in contents}
    changes = Customizer(image=image, wanted=wanted, contents=contents, shown=shown).run()
    (context.output / CHANGES).write_bytes(changes_json(changes))


def _audit(image: "Image", wanted: Customization, context: StepContext) -> None:
    """Refuse what no device should get."""
    from builder.audit.hostpaths import searchable
    from builder.audit.rootfs.audit import RootAudit
    from builder.audit.rootfs.identity import Foreign
    from builder.audit.rootfs.kernel import read_kernel_needs
    from builder.io.machine import host_name

    needs = [
        need
        for name, path in _copied(context, _AUDIT).items()
        for need in read_kernel_needs(path.read_bytes(), str(context.sources[f"{_AUDIT}{name}"].path))
    ]
    foreign = Foreign(paths=searchable(context.places()), name=host_name())
    RootAudit(wanted=wanted, needs=needs, foreign=foreign).require(image)


def _files_below(directory: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _copied(context: StepContext, prefix: str) -> Mapping[str, Path]:
    """The sources below `prefix`, copied so that what is read is what the step's key was made from."""
    found: dict[str, Path] = {}
    for name, source in context.sources.items():
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = context.scratch / "sources" / name
            copy_source(source, context.scratch / "sources" / name)
    return found


def _bench(host: Arch, context: StepContext) -> "Bench":
    from builder.rootfs.native.bench import Bench
    from builder.toolchain.tree import ToolsTree

    tools = ToolsTree(root=context.needs["tools"], arch=host)
    return Bench(tools=tools, runner=context.runner, scratch=context.scratch / "natives")


PACKAGE_CONTENT = StepKind(name="package-content", version=2, run=_unpack)
HWDB = StepKind(name="hwdb", version=1, run=_compile_hwdb)
KERNEL_INDEX = StepKind(name="kernel-index", version=1, run=_index_kernel)
ROOTFS = StepKind(name="rootfs", version=5, run=_make_rootfs)
KEPT = StepKind(name="kept-files", version=1, run=_keep_files)
CUSTOMIZED = StepKind(name="customized-rootfs", version=3, run=_customize_archive)
