"""The kinds of steps that make files of a root file system which only programs can compute.

Each needs the tools as `tools` and unpacked packages as `content.NAME`, and makes files at the paths that they have on a device.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.formats.tar import REGULAR
from builder.rootfs.content import PackageContent, open_package
from builder.rootfs.native import catalog, depmod, hwdb
from builder.rootfs.native.bench import Bench, Content
from builder.steps.context import StepContext
from builder.steps.step import StepKind
from builder.toolchain.tree import ToolsTree

_CONTENT = "content."
_SYSTEMD = re.compile(r"(?:\d+:)?(\d+)")
_UDEV = "udev"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeInput:
    """`host` is the architecture that the tools are for."""

    host: Arch


def content_role(name: str) -> str:
    """The role of the step that brings the unpacked package `name`."""
    return f"{_CONTENT}{name}"


def _index_modules(wanted: NativeInput, context: StepContext) -> None:
    with _packages(context) as packages:
        made = depmod.index_modules(_files(packages, depmod.is_source), _bench(wanted, context))
    _write(context, made)


def _compile_hwdb(wanted: NativeInput, context: StepContext) -> None:
    with _packages(context) as packages:
        sources = _files(packages, hwdb.is_source)
        made = hwdb.compile_hwdb(sources, _version(packages), _bench(wanted, context))
    _write(context, {hwdb.HWDB: made})


def _compile_catalog(wanted: NativeInput, context: StepContext) -> None:
    with _packages(context) as packages:
        made = catalog.compile_catalog(_files(packages, catalog.is_source), _bench(wanted, context))
    _write(context, {catalog.CATALOG: made})


def _bench(wanted: NativeInput, context: StepContext) -> Bench:
    tools = ToolsTree(root=context.needs["tools"], arch=wanted.host)
    return Bench(tools=tools, runner=context.runner, scratch=context.scratch)


@contextmanager
def _packages(context: StepContext) -> Iterator[list[PackageContent]]:
    with ExitStack() as stack:
        needed = {role: path for role, path in context.needs.items() if role.startswith(_CONTENT)}
        yield [stack.enter_context(open_package(path)) for _, path in sorted(needed.items())]


def _files(packages: list[PackageContent], wanted: Callable[[str], bool]) -> dict[str, Content]:
    """Those files of the packages that are wanted, by their path on a device with a merged /usr."""
    found: dict[str, Content] = {}
    for package in packages:
        for member in package.members:
            path = f"usr/{member.name}" if member.name.startswith("lib/") else member.name
            if member.type == REGULAR and wanted(path):
                found[path] = package.content(member)
    return found


def _version(packages: list[PackageContent]) -> int:
    """The version of systemd that udev belongs to."""
    udev = next((package for package in packages if package.name == _UDEV), None)
    found = _SYSTEMD.match(udev.version) if udev else None
    if found is None:
        raise BuilderError(f"the database of hardware belongs to {_UDEV}, which is not among the packages")
    return int(found[1])


def _write(context: StepContext, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        target = context.output / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


KERNEL_MODULES = StepKind(name="kernel-modules", version=1, run=_index_modules)
HWDB = StepKind(name="hwdb", version=1, run=_compile_hwdb)
CATALOG = StepKind(name="catalog", version=1, run=_compile_catalog)
