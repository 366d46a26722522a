"""The page from which people download a release: one HTML file that loads nothing from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from builder.core.resources import format_size
from builder.release.compare import Change, Comparison, changes_by_component
from builder.release.record import Release, ReleasedFile, Role

_TEMPLATE = "page.html.j2"
_MOST_CHANGES = 40
_TITLES = {
    Role.IMAGE: "Image",
    Role.EXECUTABLE: "Executable",
    Role.BUNDLE: "Images for devices without a network",
    Role.BLOCK_MAP: "Block map, for bmaptool and builder flash",
    Role.ROOTFS: "Root file system",
    Role.SBOM: "Bill of materials",
    Role.PROVENANCE: "Provenance (SLSA, in-toto)",
    Role.CONTENTS: "Contents",
    Role.LICENCES: "Licence texts",
    Role.SOURCES: "Where sources are",
    Role.CHANGES: "Changes",
}
_DOWNLOADS = (Role.IMAGE, Role.BLOCK_MAP, Role.BUNDLE, Role.EXECUTABLE, Role.ROOTFS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The downloads for one architecture."""

    title: str
    files: Sequence[ReleasedFile]


def page_html(record: Release, comparisons: Sequence[Comparison], *, signed: bool) -> str:
    """The page of the release; the same for the same release."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = format_size
    archs = list(dict.fromkeys(one.arch for one in record.files if one.role in _DOWNLOADS and one.arch))
    return environment.get_template(_TEMPLATE).render(
        record=record,
        date=datetime.fromtimestamp(record.epoch_s, UTC).strftime("%Y-%m-%d"),
        sections=[Section(title=arch, files=_downloads(record, arch)) for arch in archs],
        papers=[one for one in record.files if one.role not in (*_DOWNLOADS, Role.PAGE)],
        titles=_TITLES,
        changes=changes_by_component(comparisons),
        most_changes=_MOST_CHANGES,
        told=_told,
        signed=signed,
    )


def _downloads(record: Release, arch: str) -> list[ReleasedFile]:
    found = [one for one in record.files if one.arch == arch and one.role in _DOWNLOADS]
    return sorted(found, key=lambda one: (one.board, _DOWNLOADS.index(one.role), one.path))


def _told(change: Change) -> str:
    if change.old is None:
        return f"{change.new}, new"
    return "removed" if change.new is None else f"{change.old} → {change.new}"
