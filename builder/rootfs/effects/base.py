"""What every effect is, and what it works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from builder.core.arch import ARCH_FACTS, Arch
from builder.core.errors import BuilderError
from builder.rootfs.accounts import Accounts
from builder.rootfs.content import PackageContent
from builder.rootfs.native.bench import Bench
from builder.rootfs.tree import Tree

ROOT = "root"


class Phase(IntEnum):
    """When an effect is replayed: accounts before what they own, and databases after all that they list."""

    DIVERSIONS = 0
    UNPACK = 1
    ACCOUNTS = 2
    FILES = 3
    SETTINGS = 4
    DATABASES = 5


@dataclass(slots=True, kw_only=True)
class Image:
    """A root file system that is being made.

    `packages` are those that are installed, by name. `epoch_s` is the date of everything that is made here. `modules` are the
    indexes of kernels' modules by path, and `hwdb` a directory with the database of udev's hardware, both made beforehand;
    `bench` runs the programs that compile what packages bring as text.
    """

    tree: Tree
    arch: Arch
    packages: Mapping[str, PackageContent]
    accounts: Accounts
    epoch_s: int
    modules: Mapping[str, bytes]
    bench: Bench
    hwdb: Path | None = None
    # What effects leave for databases that are written at the end, by database.
    notes: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """Dpkg's name of the architecture."""
        return ARCH_FACTS[self.arch].debian

    @property
    def codename(self) -> str:
        """The suite that the packages are of, as they say: `bookworm`, `trixie`."""
        for line in self.tree.text("etc/os-release").splitlines():
            key, _, value = line.partition("=")
            if key == "VERSION_CODENAME":
                return value.strip('"')
        raise BuilderError("the packages do not say which suite they are of: etc/os-release names none")

    def note(self, database: str, *row: str) -> None:
        """Leave a row for a database that is written at the end."""
        self.notes.setdefault(database, []).append(row)


class Effect(BaseModel):
    """One thing that a maintainer script does when its package is installed for the first time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase: ClassVar[Phase] = Phase.FILES

    def apply(self, image: Image, package: str) -> None:
        """Do it for `package`."""
        raise NotImplementedError
