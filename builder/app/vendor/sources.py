"""The source packages of a release: what licences ask those to hand out who hand out the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from builder.app.archives import Archives, device_repositories, open_archives
from builder.app.session import Session
from builder.app.vendor.parts import Part, parts_of
from builder.app.workspace import Workspace
from builder.core.errors import RecipeError
from builder.debian.index import find_sources
from builder.debian.pins import PinnedFile
from builder.debian.repository import Repository
from builder.plan.debian import pool_step
from builder.recipe.debian import Debian

RECORD = "sources.json"


class _Row(BaseModel):
    """A row of the record; those of Go modules have no `source`."""

    model_config = ConfigDict(frozen=True)

    source: str = ""
    source_version: str = ""


_Rows = TypeAdapter(tuple[_Row, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceParts:
    """The parts of source packages, and a line for each package that no index has."""

    parts: tuple[Part, ...] = ()
    missing: tuple[str, ...] = ()


def source_parts(session: Session, workspace: Workspace, release: Path, *, now_s: int) -> SourceParts:
    """The source packages that the release in the directory `release` names.

    They are looked for in the signed indexes of the suites that the recipe's packages come from, which are compared with the
    date `now_s`. Go modules are none of them: a directory that is filled for the recipe holds those anyway.
    """
    wanted = _wanted(release / RECORD)
    debian = workspace.loaded.recipe.debian
    found: dict[tuple[str, str], list[Part]] = {}
    if wanted and debian:
        archives = open_archives(session, debian, now_s=now_s)
        for repository in _repositories(workspace, debian):
            for package, pins in _pins(archives, repository, {name for name, _ in wanted}):
                if package in wanted and package not in found:
                    found[package] = [part for pin in pins for part in parts_of(pool_step(pin, debian))]
    return SourceParts(
        parts=tuple(part for package in sorted(found) for part in found[package]),
        missing=tuple(f"{name} {version}: no index has its source" for name, version in sorted(wanted - found.keys())),
    )


def _wanted(record: Path) -> set[tuple[str, str]]:
    try:
        rows = _Rows.validate_json(record.read_bytes())
    except OSError as error:
        raise RecipeError(
            f"{record} cannot be read: {error.strerror}", hint="name the directory of a release"
        ) from None
    except ValidationError as error:
        details = [f"row {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise RecipeError(f"{record} is not what 'builder release' writes", details=details) from None
    return {(row.source, row.source_version) for row in rows if row.source}


def _repositories(workspace: Workspace, debian: Debian) -> Sequence[Repository]:
    found: dict[str, Repository] = {}
    for arch in workspace.loaded.recipe.architectures:
        for repository in device_repositories(workspace.loaded, debian, arch):
            found.setdefault(str(repository), repository)
    return tuple(found.values())


def _pins(
    archives: Archives, repository: Repository, names: set[str]
) -> Iterator[tuple[tuple[str, str], list[PinnedFile]]]:
    release = archives.release(repository)
    if not release.has_sources:
        return
    for package in find_sources(archives.library, release, names):
        pins = [
            PinnedFile.of(package.name, package.version, "source", repository.archive, file) for file in package.files
        ]
        yield (package.name, package.version), pins
