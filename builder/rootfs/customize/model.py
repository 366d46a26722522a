"""What customizing a root file system is asked for: the part of a step's input that a plan is made from.

Contents are sources of the step, by name; everything else that shapes the result (paths, kinds, modes, owners, links) is here,
so that it is part of the step's key. Order counts where it is a tuple.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# What a directory and files get where nobody says otherwise.
DIRECTORY_MODE, FILE_MODE, EXECUTABLE_MODE = "0755", "0644", "0755"


class EntryKind(StrEnum):
    """What an entry becomes; a template becomes a file."""

    FILE = "file"
    TEMPLATE = "template"
    DIRECTORY = "directory"
    SYMLINK = "symlink"


class UnitState(StrEnum):
    """What happens to a systemd unit at boot."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    MASKED = "masked"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayEntry:
    """One path that is laid over packages.

    `mode` are octal digits; for directories it is empty, as `owner` and `group` are, where one that is there keeps what it has.
    Contents are the step's source `source`, or `text` itself. `target` is a symbolic link's text.
    """

    kind: EntryKind
    mode: str = ""
    owner: str = ""
    group: str = ""
    source: str = ""
    text: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayLayer:
    """An overlay: its entries by path (without a slash in front), and the paths of earlier ones that it may replace."""

    name: str
    entries: Mapping[str, OverlayEntry]
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user; see `builder.recipe.rootfs.User`."""

    name: str
    uid: int | None = None
    groups: tuple[str, ...] = ()
    shell: str = "/bin/bash"
    home: str = ""
    ssh_keys: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customization:
    """All of it. `recipe` is the recipe's name, which templates may use; `slim` are names of profiles."""

    recipe: str
    overlays: tuple[OverlayLayer, ...] = ()
    files: Mapping[str, OverlayEntry] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    accounts: tuple[Account, ...] = ()
    time_zone: str = "Etc/UTC"
    locale: str = "C.UTF-8"
    sysctl: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    units: Mapping[str, UnitState] = field(default_factory=dict)
    slim: tuple[str, ...] = ()
