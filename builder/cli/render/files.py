"""What a recipe changes of its packages' files, for people and for pipelines."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from builder.cli.render.table import render_table
from builder.core.digest import Json

if TYPE_CHECKING:
    from builder.core.arch import Arch
    from builder.rootfs.customize.changes import Change

FILES_VERSION = 1
_HEADERS = ("path", "action", "by", "package", "mode", "owner")
# Slim profiles leave out thousands; people read how many.
_SLIM = ("slim ", "rootfs.slim")


def render_files(changes: "Mapping[Arch, Sequence[Change]]") -> str:
    """A table for each architecture: a line for each path, and one for what each slim profile leaves out of a directory."""
    parts = []
    for arch, found in changes.items():
        rows = [*(_row(one) for one in found if not one.by.startswith(_SLIM)), *_summed(found)]
        parts.append(f"{arch}: {len(found)} paths\n{render_table(_HEADERS, rows) if rows else ''}")
    return "\n".join(parts)


def files_json(changes: "Mapping[Arch, Sequence[Change]]") -> dict[str, Json]:
    """The wire form; `version` rises only when a field changes its meaning or goes away."""
    return {
        "version": FILES_VERSION,
        "architectures": {str(arch): [asdict(one) for one in found] for arch, found in changes.items()},
    }


def _row(change: "Change") -> tuple[str, ...]:
    owner = f"{change.owner}:{change.group}"
    return change.path, change.action.value, change.by, change.package, change.mode, owner


def _summed(changes: "Sequence[Change]") -> Iterator[tuple[str, ...]]:
    counts: dict[tuple[str, str, str], int] = {}
    for one in changes:
        if one.by.startswith(_SLIM):
            key = (one.by, one.action.value, _top(one.path))
            counts[key] = counts.get(key, 0) + 1
    for (by, action, top), count in sorted(counts.items()):
        yield f"{top}/... ({count})", action, by, "", "", ""


def _top(path: str) -> str:
    """The directory at the top that people know a path by: `/usr/share/man`."""
    parts = posixpath.dirname(path).split("/")
    return "/".join(parts[:4])
