"""What travels inside the executable: helpers that are compiled, C libraries that they link, executables of Debian."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from builder.recipe.section import Section, Unique
from builder.recipe.shapes import (
    BuildTag,
    DebianName,
    DnsLabel,
    GoPackage,
    PayloadPath,
    SourcePattern,
    TemplateText,
    VariableName,
)


class Helper(Section):
    """A small executable that is compiled and carried in the payload as `bin/NAME`."""

    package: GoPackage = Field(
        description="Its main package: inside `source`, or the import path of one that a required module has."
    )
    version: TemplateText = Field(
        default="{version}",
        description="Its version, as the executable tells it; a template as in `cluster.variables`.",
    )
    tags: Annotated[tuple[BuildTag, ...], *Unique] = Field(default=(), description="Go build tags.")
    variables: Mapping[VariableName, TemplateText] = Field(
        default={}, description="String variables that the linker sets; templates as in `cluster.variables`."
    )
    libraries: Annotated[tuple[DnsLabel, ...], *Unique] = Field(
        default=(),
        description="C libraries of `cluster.libraries` that it links; with any, its C parts are compiled too.",
    )
    links: Annotated[tuple[PayloadPath, ...], *Unique] = Field(
        default=(), description="Further names in the payload under which it is started."
    )


class CLibrary(Section):
    """A static C library, compiled from a release archive: paths are relative to the root of the archive's one directory."""

    archive: DebianName = Field(description="Source package of Debian whose upstream archive is compiled.")
    sources: Annotated[tuple[SourcePattern, ...], *Unique] = Field(
        min_length=1, description="C files, as patterns with `*`."
    )
    without: Annotated[tuple[SourcePattern, ...], *Unique] = Field(
        default=(), description="Files that the patterns find and that are not part of the library."
    )
    include: Annotated[tuple[SourcePattern, ...], *Unique] = Field(
        default=(".",), description="Directories that `#include` looks into."
    )
    headers: Annotated[tuple[SourcePattern, ...], *Unique] = Field(
        min_length=1, description="Headers that users of the library include."
    )
    generated: Mapping[SourcePattern, str] = Field(
        default={}, description="Files that upstream's configure would write, with their text."
    )


class ClosedSet(Section):
    """An executable of Debian, carried with its libraries and its loader, so that it needs nothing of the device's."""

    executable: PayloadPath = Field(description="Its path in the packages, such as `usr/sbin/nft`.")
    packages: Annotated[tuple[DebianName, ...], *Unique] = Field(
        min_length=1,
        description=(
            "Binary packages that hold it and all that it loads, its own first: what is missing fails the build, by name."
        ),
    )
