"""The `rootfs` section: which packages a device's root file system is made of, and what is laid over them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from builder.recipe.section import LocatedPath, NamedArch, Section, Unique
from builder.recipe.shapes import (
    AccountName,
    CommentText,
    DebianName,
    DevicePath,
    DnsLabel,
    LocaleName,
    ModeText,
    ModuleName,
    SshKey,
    SysctlName,
    SysctlValue,
    TemplateName,
    TimeZone,
    UnitName,
)
from builder.rootfs.customize.model import UnitState


class PackageGroup(Section):
    """Packages that belong together; what they depend on comes with them, what they recommend does not."""

    packages: Annotated[tuple[DebianName, ...], *Unique] = Field(
        default=(), description="Packages for every architecture."
    )
    per_architecture: Mapping[NamedArch, tuple[DebianName, ...]] = Field(
        default={}, description="Packages for one architecture only, such as its kernel."
    )


class Overlay(Section):
    """A directory whose files are laid over the packages, at the same paths."""

    directory: LocatedPath = Field(
        description=(
            "The directory. Its `.overlay.yaml` may give modes and owners; files whose names end in `.j2` are jinja2 templates."
        )
    )
    architectures: Annotated[tuple[NamedArch, ...], *Unique] = Field(
        default=(), description="Architectures that it is for; by default all."
    )
    replaces: Annotated[tuple[DevicePath, ...], *Unique] = Field(
        default=(), description="Files of overlays before it that it may replace. Files of packages it always may."
    )


class DeviceFile(Section):
    """One file of the device, written in the recipe or taken from beside it; one of the first three keys is given."""

    content: str | None = Field(default=None, description="Its text.")
    template: LocatedPath | None = Field(
        default=None, description="A jinja2 template; it may use the names in `rootfs.variables`, `arch` and `recipe`."
    )
    source: LocatedPath | None = Field(default=None, description="A file that is copied.")
    mode: ModeText = Field(default="0644", description="Permissions in octal digits, without setuid and setgid.")
    owner: AccountName = Field(default="root", description="User that owns it.")
    group: AccountName = Field(default="root", description="Group that owns it.")


class User(Section):
    """An account for a person or a program. It has no password: nothing of one is ever written."""

    uid: int | None = Field(
        default=None, ge=1000, le=59999, description="Its number; by default the next free one from 1000 on."
    )
    groups: Annotated[tuple[AccountName, ...], *Unique] = Field(default=(), description="Further groups it is in.")
    shell: DevicePath = Field(default="/bin/bash", description="Its login shell.")
    home: DevicePath | None = Field(default=None, description="Its home directory; by default `/home/NAME`.")
    ssh_keys: Annotated[tuple[SshKey, ...], *Unique] = Field(
        default=(), description="Public keys that may log in, as in `authorized_keys`."
    )
    comment: CommentText = Field(default="", description="The person's name, or what it is for.")


class Engine(StrEnum):
    """How the packages become a root file system."""

    DECLARATIVE = "declarative"
    MMDEBSTRAP = "mmdebstrap"


class Rootfs(Section):
    """The root file system of devices."""

    packages: Mapping[DnsLabel, PackageGroup] = Field(
        description="Groups of packages by name; a recipe that extends this one adds groups, or drops them with null."
    )
    without: Annotated[tuple[DebianName, ...], *Unique] = Field(
        default=(), description="Packages that must not be installed: dropped from all groups, an error if needed."
    )
    knowledge: Annotated[tuple[LocatedPath, ...], *Unique] = Field(
        min_length=1,
        description=(
            "Directories that say what maintainer scripts do: `snippets.yaml`, `ids.yaml`, `packages/`, `slim/`. Entries of"
            " later ones come on top, so that packages of your own need no change in others' files."
        ),
    )
    engine: Annotated[Engine, Strict(strict=False)] = Field(
        default=Engine.DECLARATIVE,
        description=(
            "`declarative` runs nothing of the packages and replays what their scripts do; `mmdebstrap` runs them, in a"
            " user namespace and for other architectures under emulation, which takes minutes: for packages whose"
            " scripts are not known."
        ),
    )
    slim: Annotated[tuple[DnsLabel, ...], *Unique] = Field(
        default=(), description="Profiles in `recipes/debian/slim/` that say which files are left out."
    )
    overlays: Mapping[DnsLabel, Overlay] = Field(
        default={}, description="Directories of files by name, laid over the packages in the order of writing."
    )
    files: Mapping[DevicePath, DeviceFile] = Field(
        default={}, description="Single files by path, laid over all overlays."
    )
    variables: Mapping[TemplateName, str] = Field(
        default={}, description="Values for templates, by the name under which these use them."
    )
    users: Mapping[AccountName, User] = Field(default={}, description="Accounts by name.")
    time_zone: TimeZone = Field(default="Etc/UTC", description="Time zone, such as `Europe/Berlin`.")
    locale: LocaleName = Field(default="C.UTF-8", description="Locale of the system: `LANG`.")
    sysctl: Mapping[SysctlName, SysctlValue] = Field(default={}, description="Kernel parameters by name.")
    modules: Annotated[tuple[ModuleName, ...], *Unique] = Field(
        default=(), description="Kernel modules that are loaded at boot."
    )
    units: Mapping[UnitName, Annotated[UnitState, Strict(strict=False)]] = Field(
        default={},
        description="Units of systemd: `enabled`, `disabled` or `masked`, by the links that systemctl makes.",
    )
