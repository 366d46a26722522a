"""The kinds of steps that take out of packages and modules what their licences ask to be told.

Plans know of them without importing what they work with.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.steps.context import StepContext
from builder.steps.step import StepKind

if TYPE_CHECKING:
    from builder.rootfs.content import PackageContent

PACKAGE_FILE, COPYRIGHT_FILE = "package.json", "copyright"
# Texts that the files of other packages only refer to (deb-policy 12.5): base-files has them.
COMMON, _COMMON = "common-licenses", "usr/share/common-licenses/"
_DOCUMENTS = "usr/share/doc"
# Files of a module's top directory: their names in lower case begin so.
_LICENCES = ("license", "licence", "copying", "notice", "copyright", "patents", "authors")
_MOST_LICENCE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLegalInput:
    """The package of Debian's that the step needs: as `content`, unpacked, or as `file` among what it needs as `package`."""

    file: str


def _read_package(wanted: PackageLegalInput, context: StepContext) -> None:
    from builder.formats.tar import REGULAR
    from builder.rootfs.content import open_package, unpack_package

    content = context.needs.get("content")
    if content is None:
        content = context.scratch / "content"
        content.mkdir(parents=True)
        unpack_package(context.needs["package"] / wanted.file, content)
    with open_package(content) as package:
        name, _space, version = package.fields.get("source", "").partition(" ")
        told = {
            "name": package.name,
            "version": package.version,
            "architecture": package.architecture,
            "source": name or package.name,
            "source_version": version.strip("() ") or package.version,
            "copyright_of": _copyright(package, context),
        }
        for member in package.members:
            if member.name.startswith(_COMMON) and member.type == REGULAR:
                place = context.output / COMMON / member.name.removeprefix(_COMMON)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(package.content(member).read())
    (context.output / PACKAGE_FILE).write_text(json.dumps(told, indent=1) + "\n")


def _copyright(package: "PackageContent", context: StepContext) -> str:
    """Write the package's file of that name; the package whose file is meant, which may be another, or nobody's."""
    from builder.formats.tar import REGULAR, SYMLINK

    for member in package.members:
        if member.name == f"{_DOCUMENTS}/{package.name}/copyright" and member.type == REGULAR:
            (context.output / COPYRIGHT_FILE).write_bytes(package.content(member).read())
            return package.name
        if member.name == f"{_DOCUMENTS}/{package.name}" and member.type == SYMLINK:
            return member.link.strip("./").partition("/")[
                0
            ]  # deb-policy 12.3: that of another package of the same source
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLegalInput:
    """The archive of C sources `file` among what the step needs as `archive`."""

    file: str


def _read_source(wanted: SourceLegalInput, context: StepContext) -> None:
    from builder.cbuild.archive import unpack_source

    tree = context.scratch / "tree"
    unpack_source(context.needs["archive"] / wanted.file, tree)
    for path in sorted(tree.iterdir()):
        if path.is_file() and path.name.lower().startswith(_LICENCES):
            (context.output / path.name).write_bytes(path.read_bytes())


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulesLegalInput:
    """The Go modules that the step needs as `modules`, a directory as a proxy serves it."""


def _read_modules(_: ModulesLegalInput, context: StepContext) -> None:
    archives = sorted(context.needs["modules"].rglob("*.zip"))
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                module, at, rest = member.filename.rpartition("@")
                version, _slash, name = rest.partition("/")
                if at and "/" not in name and name.lower().startswith(_LICENCES) and not name.endswith(".go"):
                    target = context.output / f"{module}@{version}" / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(opened.read(member)[:_MOST_LICENCE_BYTES])


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainLegalInput:
    """The toolchain that the step needs as `toolchain`, whose libraries are linked into what it compiles."""


def _read_toolchain(_: ToolchainLegalInput, context: StepContext) -> None:
    """The texts in its top directory; a wheel keeps those of all its parts in one place (PEP 639)."""
    root = context.needs["toolchain"]
    found = [path for path in root.iterdir() if path.is_file() and path.name.lower().startswith(_LICENCES)]
    for place in root.glob("*.dist-info/licenses"):
        found += [path for path in place.rglob("*") if path.is_file()]
    for path in sorted(found):
        name = path.relative_to(root)
        target = context.output / (Path(*name.parts[2:]) if len(name.parts) > 1 else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes()[:_MOST_LICENCE_BYTES])


TOOLCHAIN_LEGAL = StepKind(name="toolchain-legal", version=1, run=_read_toolchain)
PACKAGE_LEGAL = StepKind(name="package-legal", version=1, run=_read_package)
SOURCE_LEGAL = StepKind(name="source-legal", version=1, run=_read_source)
MODULES_LEGAL = StepKind(name="modules-legal", version=1, run=_read_modules)
