"""From names of packages to pinned files, for the lock."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from builder.core.errors import RecipeError
from builder.debian.index import find_packages, find_sources
from builder.debian.pins import PinnedFile
from builder.debian.repository import SOURCE, Library, Release, Repository
from builder.debian.version import version_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A package to pin from one of `repositories`: the newest that they have, or the newest of exactly `version`.

    `architecture` is dpkg's word for the machine that it is for, or `source`; of a source package come the files whose names
    match the pattern `files` (`*.orig.tar.?z`).
    """

    name: str
    architecture: str
    repositories: tuple[Repository, ...]
    version: str = ""
    files: str = "*"

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.version, f"({self.architecture})")))


def resolve_pins(wanted: Sequence[Wanted], library: Library) -> list[PinnedFile]:
    """The pins of all that is `wanted`, in its order; each index is read once. `RecipeError` names all that is missing."""
    names: dict[tuple[Repository, str], set[str]] = {}
    for one in wanted:
        for repository in one.repositories:
            names.setdefault((repository, one.architecture), set()).add(one.name)
    releases = {repository: library.release(repository) for repository in dict.fromkeys(one for one, _ in names)}
    offers = {
        (repository, architecture): list(_offers(library, releases[repository], architecture, some))
        for (repository, architecture), some in names.items()
    }
    chosen = [
        _choose(one, [offer for source in one.repositories for offer in offers[source, one.architecture]])
        for one in wanted
    ]
    if missing := [one for one, pins in zip(wanted, chosen, strict=True) if not pins]:
        raise RecipeError(
            "the archive does not have everything that is wanted of it",
            details=[f"{one}: not in {', '.join(map(str, one.repositories))}" for one in missing],
            hint="correct the names and versions, or the suites to look in",
        )
    return [pin for pins in chosen for pin in pins]


def _offers(
    library: Library, release: Release, architecture: str, names: Iterable[str]
) -> Iterator[tuple[PinnedFile, ...]]:
    """What `release` has of `names`: the files of each package."""
    archive = release.repository.archive
    if architecture == SOURCE:
        for source in find_sources(library, release, frozenset(names)):
            yield tuple(PinnedFile.of(source.name, source.version, SOURCE, archive, file) for file in source.files)
    else:
        for package in find_packages(library, release, architecture, frozenset(names)):
            yield (PinnedFile.of(package.name, package.version, package.architecture, archive, package.file),)


def _choose(wanted: Wanted, offers: Sequence[tuple[PinnedFile, ...]]) -> tuple[PinnedFile, ...]:
    """The files of the newest of `offers` that `wanted` means, none where there is none."""
    fitting = [
        pins for pins in offers if pins and pins[0].name == wanted.name and wanted.version in ("", pins[0].version)
    ]
    if not fitting:
        return ()
    newest = max(fitting, key=lambda pins: version_key(pins[0].version))
    return tuple(pin for pin in newest if fnmatchcase(pin.file_name, wanted.files))
