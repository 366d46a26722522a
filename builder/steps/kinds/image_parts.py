"""What the steps of a disk image do alike."""

from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.steps.context import StepContext
from builder.steps.kinds.common import copy_source

if TYPE_CHECKING:
    from builder.image.filesystems import FilesystemMaker
    from builder.toolchain.tree import ToolsTree

PACKAGE_ROLE, CONTENT_ROLE, INDEX_ROLE = "package.", "content.", "kernel."


def extracted(context: StepContext, package: str, paths: tuple[str, ...]) -> bytes:
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


def filesystem_maker(context: StepContext, host: Arch, epoch_s: int) -> "FilesystemMaker":
    """What makes file systems with the tools that the step needs as `tools`."""
    from builder.image.filesystems import FilesystemMaker

    return FilesystemMaker(tools=tools_of(context, "tools", host), runner=context.runner, epoch_s=epoch_s)


def tools_of(context: StepContext, role: str, host: Arch) -> "ToolsTree":
    """The tree of tools for a machine of `host` that the step needs as `role`."""
    from builder.toolchain.tree import ToolsTree

    return ToolsTree(root=context.needs[role], arch=host)


def only_need(context: StepContext, prefix: str) -> Path:
    """The one need whose role begins with `prefix`."""
    found = {role: path for role, path in context.needs.items() if role.startswith(prefix)}
    if len(found) != 1:
        raise BuilderError(
            f"an image has one kernel, and the root file system has {len(found)}",
            details=sorted(role.removeprefix(prefix) for role in found),
            hint="rootfs.packages names the kernel",
        )
    return next(iter(found.values()))


def source_copy(context: StepContext, name: str) -> Path:
    """The source `name`, copied so that what is read is what the step's key was made from."""
    target = context.scratch / "sources" / name
    copy_source(context.sources[name], target)
    return target
