"""Reads the directory of an overlay: what it lays over packages, and all that is wrong with it."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from builder.core.errors import RecipeError
from builder.rootfs.customize.model import EXECUTABLE_MODE, FILE_MODE, EntryKind, OverlayEntry
from builder.rootfs.customize.settings import SETTINGS_FILE, PathSettings, read_settings

TEMPLATE_SUFFIX = ".j2"
# Version control keeps no empty directories; this is how people keep them.
_KEEPER = ".gitkeep"
_SPECIAL = {
    stat.S_IFBLK: "a block device", stat.S_IFCHR: "a character device", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
}  # fmt: skip
_DEVICES = "systemd and udev make what is no file, link or directory when a device boots"


@dataclass(slots=True, kw_only=True)
class ScannedOverlay:
    """What lies in an overlay's directory: entries by their path on the device, and the file that each one's content is in."""

    entries: dict[str, OverlayEntry] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def scan_overlays(directories: Mapping[str, Path], cwd: Path) -> dict[str, ScannedOverlay]:
    """What lies in each overlay's directory; `RecipeError` tells everything that is wrong with any of them.

    Paths in errors are relative to `cwd`.
    """
    found = {name: _scan(name, directory, cwd) for name, directory in directories.items()}
    problems = [problem for one in found.values() for problem in one.problems]
    if problems:
        raise RecipeError("overlays hold what a root file system cannot get from them", details=problems)
    return found


def _scan(name: str, directory: Path, cwd: Path) -> ScannedOverlay:
    found = ScannedOverlay()
    for path in _walk(directory, found, cwd):
        shown = _shown(path, cwd)
        place = str(path.relative_to(directory))
        if mistakes := _mistakes(place):
            found.problems.append(f"{shown}: {mistakes}")
            continue
        entry = _entry(path, shown, found.problems)
        if entry is None:
            continue
        if entry.kind is EntryKind.TEMPLATE:
            place = place.removesuffix(TEMPLATE_SUFFIX)
        if place in found.entries:
            found.problems.append(f"{shown}: there is {place} besides, which it would become")
        if entry.kind in (EntryKind.FILE, EntryKind.TEMPLATE):
            found.files[place] = path
            entry = replace(entry, source=f"overlay/{name}/{place}")
        found.entries[place] = entry
    _apply_settings(directory, found, cwd)
    return found


def _walk(directory: Path, found: ScannedOverlay, cwd: Path) -> Iterator[Path]:
    """Everything below `directory`, sorted, without following links."""

    def unreadable(error: OSError) -> None:
        found.problems.append(f"{_shown(Path(error.filename), cwd)}: {error.strerror}")

    for here, directories, files in os.walk(directory, onerror=unreadable):
        directories.sort()
        for name in sorted([*directories, *files]):
            path = Path(here, name)
            if name != _KEEPER and path != directory / SETTINGS_FILE:
                yield path


def _entry(path: Path, shown: str, problems: list[str]) -> OverlayEntry | None:
    """The entry that `path` becomes; None with a problem where it can become none."""
    status = path.lstat()
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFLNK:
        target = os.readlink(path)  # noqa: PTH115 - as it was written: Path would shorten it
        if mistakes := _mistakes(target):
            problems.append(f"{shown}: where the link leads: {mistakes}")
        return None if mistakes else OverlayEntry(kind=EntryKind.SYMLINK, target=target)
    if kind in _SPECIAL:
        problems.append(f"{shown}: this is {_SPECIAL[kind]}; {_DEVICES}")
        return None
    if kind == stat.S_IFDIR:
        return OverlayEntry(kind=EntryKind.DIRECTORY)
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        problems.append(f"{shown}: setuid and setgid are for packages alone; drop them with 'chmod ug-s'")
        return None
    if not os.access(path, os.R_OK):
        problems.append(f"{shown}: no permission to read this file")
        return None
    is_template = path.name.endswith(TEMPLATE_SUFFIX) and path.name != TEMPLATE_SUFFIX
    return OverlayEntry(
        kind=EntryKind.TEMPLATE if is_template else EntryKind.FILE,
        mode=EXECUTABLE_MODE if status.st_mode & stat.S_IXUSR else FILE_MODE,
    )


def _mistakes(place: str) -> str:
    if any(ord(one) < 0x20 or ord(one) == 0x7F for one in place):  # noqa: PLR2004 - ASCII's control characters
        return "a name with a control character"
    try:
        place.encode()
    except UnicodeEncodeError:
        return "a name that is not UTF-8"
    return ""


def _apply_settings(directory: Path, found: ScannedOverlay, cwd: Path) -> None:
    """Take over modes and owners from the overlay's own file of them."""
    path = directory / SETTINGS_FILE
    if not os.path.lexists(path):
        return
    settings, problems = read_settings(path, _shown(path, cwd), found.entries)
    found.problems += problems
    for place, wanted in settings.items():
        found.entries[place] = _with(found.entries[place], wanted)


def _with(entry: OverlayEntry, wanted: PathSettings) -> OverlayEntry:
    return replace(
        entry,
        mode=wanted.mode or entry.mode,
        owner=wanted.owner or entry.owner,
        group=wanted.group or entry.group,
    )


def _shown(path: Path, cwd: Path) -> str:
    from builder.formats.yaml_tree import shown_path  # noqa: PLC0415 - only errors need it

    return shown_path(path, cwd)
