"""The `debian` section: what comes out of Debian's archive, and out of archives that are laid out like it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from builder.recipe.section import LocatedPath, NamedArch, Section, Unique
from builder.recipe.shapes import DebianName, DnsLabel, Fingerprint, MirrorText


class Repository(Section):
    """An archive besides Debian's, with keys of its own."""

    address: MirrorText = Field(description="Its base address, the directory that holds `dists/`; http, https or file.")
    suite: DebianName = Field(description="The suite in it, as in `dists/SUITE`.")
    components: Annotated[tuple[DebianName, ...], *Unique] = Field(
        default=("main",), min_length=1, description="Its components."
    )
    keys: LocatedPath = Field(description="File with the OpenPGP certificates that may sign it, armored or binary.")
    fingerprints: Annotated[tuple[Fingerprint, ...], *Unique] = Field(
        min_length=1, description="Fingerprints of the certificates in `keys`, all of them."
    )
    architectures: Annotated[tuple[NamedArch, ...], *Unique] = Field(
        default=(), description="Architectures whose packages are looked for in it; by default all of the recipe."
    )


class Tools(Section):
    """What runs on the machine that builds: trees of Debian's packages, fetched and pinned like everything else."""

    suites: Annotated[tuple[DebianName, ...], *Unique] = Field(
        min_length=1, description="Suites that the tools come from."
    )
    sets: Mapping[DnsLabel, tuple[DebianName, ...]] = Field(
        description="Packages of each tree by its name; what they depend on comes with them."
    )


class Debian(Section):
    """What comes out of Debian's archive. Which mirror it is fetched from is the machine's matter, unless named here."""

    suites: Mapping[NamedArch, tuple[DebianName, ...]] = Field(
        description=(
            "Suites whose packages go onto devices, by architecture: `bookworm` (12), `trixie` (13); the newest package of"
            " all of them is taken. Those whose names end in `-security` lie in the archive of security updates."
        )
    )
    components: Annotated[tuple[DebianName, ...], *Unique] = Field(
        default=("main",), min_length=1, description="Components of those suites."
    )
    sources: DebianName = Field(description="Suite whose upstream archives C libraries are compiled from.")
    mirrors: Annotated[tuple[MirrorText, ...], *Unique] = Field(
        default=(),
        description=(
            "Mirrors in the order in which they are asked. By default those that BUILDER_DEBIAN_MIRROR names, then"
            " those of this machine's apt."
        ),
    )
    repositories: Mapping[DnsLabel, Repository] = Field(
        default={}, description="Further archives, by a name of your choice, whose packages go onto devices."
    )
    tools: Tools | None = Field(
        default=None, description="Tools that run on the machine that builds; needed for root file systems."
    )
