"""The file `.overlay.yaml` of an overlay: modes and owners of what lies in it.

/etc/secret.conf: {mode: "0640", group: adm}
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.core.nearest import did_you_mean, suggestion
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import BrokenNode, MapNode, Node, Place, Problem, ScalarNode, Source
from builder.rootfs.customize.model import EntryKind, OverlayEntry

SETTINGS_FILE = ".overlay.yaml"
_MODE = re.compile(r"0[0-7]{3}")
_SPECIAL_MODE = re.compile(r"0?[1-7][0-7]{3}")
# useradd(8) as Debian configures it, at most 32 characters.
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_KEYS = ("mode", "owner", "group")
_MOST_PATHS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSettings:
    """Mode (octal digits), owner and group of a path; empty where nothing is said."""

    mode: str = ""
    owner: str = ""
    group: str = ""


def read_settings(
    path: Path, shown: str, entries: Mapping[str, OverlayEntry]
) -> tuple[dict[str, PathSettings], list[str]]:
    """What the file at `path` (known to people as `shown`) says of `entries`, and everything that is wrong with it."""
    document = read_document(path, Source(name=shown, base=path.parent))
    problems = list(document.problems)
    root = document.root
    found: dict[str, PathSettings] = {}
    if isinstance(root, MapNode):
        for key, entry in root.entries.items():
            mistakes = list(_path_mistakes(key, entry.key_place, entries))
            settings, more = _read_path(key, entry.value)
            problems += [*mistakes, *more]
            if not mistakes:
                found[key.lstrip("/")] = settings
    elif root is not None and not _is_empty(root):
        problems.append(Problem(place=root.place, message="must be a mapping of paths to mode, owner and group"))
    ordered = sorted(problems, key=lambda one: (one.place.line, one.place.column))
    return found, [str(problem) for problem in ordered]


def _path_mistakes(key: str, place: Place, entries: Mapping[str, OverlayEntry]) -> Iterator[Problem]:
    if not key.startswith("/"):
        yield Problem(place=place, message=f"{key!r} must be a path on the device, with a slash in front")
    elif key.lstrip("/") not in entries:
        known = [f"/{path}" for path in entries]
        message = f"the overlay has no {key}{did_you_mean(key, known, most=_MOST_PATHS)}"
        yield Problem(place=place, message=message)
    elif entries[key.lstrip("/")].kind is EntryKind.SYMLINK:
        yield Problem(place=place, message=f"{key} is a symbolic link, which has no mode or owner of its own")


def _read_path(path: str, node: Node) -> tuple[PathSettings, list[Problem]]:
    if not isinstance(node, MapNode):
        broken = isinstance(node, BrokenNode)
        message = f"{path}: must be a mapping of mode, owner and group"
        return PathSettings(), [] if broken else [Problem(place=node.place, message=message)]
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for key, entry in node.entries.items():
        if key not in _KEYS:
            message = f"{path}: unknown key {key!r}{suggestion(key, 'known', _KEYS)}"
            problems.append(Problem(place=entry.key_place, message=message))
        elif not isinstance(entry.value, BrokenNode):
            value, mistake = _read_value(key, entry.value)
            values[key] = value
            problems += [Problem(place=entry.value.place, message=f"{path}: {mistake}")] if mistake else []
    return PathSettings(**values), problems


def _read_value(key: str, node: Node) -> tuple[str, str]:
    """The value, and what is wrong with it."""
    value = node.value if isinstance(node, ScalarNode) else None
    if key != "mode":
        good = isinstance(value, str) and _ACCOUNT.fullmatch(value)
        return (str(value), "") if good else ("", f"{key} must be the name of a {_WHAT[key]}")
    text = node.text if isinstance(node, ScalarNode) else ""
    if _SPECIAL_MODE.fullmatch(text) and not _MODE.fullmatch(text) and int(text, 8) & 0o6000:
        return "", "setuid and setgid are for packages alone"
    if isinstance(value, str) and _MODE.fullmatch(value):
        return value, ""
    return "", "mode must be '0' and three octal digits, such as '0640', in quotes"


_WHAT = {"owner": "user", "group": "group"}


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None
