"""All packages that can be installed on one architecture, out of several releases."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from builder.core.errors import BuilderError
from builder.debian.index import Package, parse_package
from builder.debian.pins import PinnedFile
from builder.debian.relations import Clause, Relation, parse_clauses, parse_relations
from builder.debian.repository import Library, Release
from builder.debian.version import version_key

_FIRST_FIELD: Final = b"Package: "
_NAME = re.compile(rb"(?im)^package:[ \t]*(\S+)")
_PROVIDES = re.compile(rb"\nProvides:([^\n]*(?:\n[ \t][^\n]*)*)")
_PROVIDED_NAME = re.compile(rb"(?:^|,)\s*([^\s,(:]+)")
_BASE_MARKS: Final = (b"\nEssential: yes", b"\nPriority: required")
_PRIORITIES: Final = ("required", "important", "standard", "optional", "extra")
# A mistyped name is as long as the right one, more or less.
_OTHER_LENGTH = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """The one version of a package that can be installed, and what it says of others.

    `conflicts` are those of Conflicts and Breaks, by the name of the field: on a fresh file system both mean the same.
    """

    package: Package
    archive: str
    depends: tuple[Clause, ...]
    conflicts: tuple[tuple[str, Relation], ...]
    provides: tuple[Relation, ...]

    @property
    def name(self) -> str:
        """The package's name."""
        return self.package.name

    @property
    def version(self) -> str:
        """The package's version."""
        return self.package.version

    @property
    def is_essential(self) -> bool:
        """Whether others rely on it without saying so."""
        return self.package.fields.get("essential", "").strip() == "yes"

    @property
    def is_base(self) -> bool:
        """Whether every system has it: it is essential, or of the priority `required`."""
        return self.is_essential or self.priority == 0

    @property
    def priority(self) -> int:
        """The place of its priority, 0 for `required`."""
        word = self.package.fields.get("priority", "").strip()
        return _PRIORITIES.index(word) if word in _PRIORITIES else len(_PRIORITIES)

    @property
    def pin(self) -> PinnedFile:
        """Its pin for a lock."""
        package = self.package
        return PinnedFile.of(package.name, package.version, package.architecture, self.archive, package.file)

    def meets(self, relation: Relation, architecture: str) -> bool:
        """Whether it is what `relation` means, by its own name or by one that it provides, on a machine of `architecture`."""
        if not self._is_for(relation, architecture):
            return False
        if self.name == relation.name and relation.allows(self.version):
            return True
        # A virtual package without a version meets no relation that names one.
        return any(
            one.name == relation.name and (not relation.sign or (bool(one.version) and relation.allows(one.version)))
            for one in self.provides
        )

    def _is_for(self, relation: Relation, architecture: str) -> bool:
        if relation.architecture == "any":
            return self.package.fields.get("multi-arch", "").strip() == "allowed"
        return relation.architecture in ("", architecture, self.package.architecture)


class Universe:
    """The newest version of every package of `offers` (archive and unparsed stanza) for machines of `architecture`.

    `versions` names exact ones for some packages. Of equal versions the first one offered is taken. Stanzas are sorted by
    names, and parsed when somebody asks: of 68829 a root file system needs some 200.
    """

    def __init__(
        self, architecture: str, offers: Iterable[tuple[str, bytes]], versions: Mapping[str, str] | None = None
    ) -> None:
        self.architecture = architecture
        self._versions = versions or {}
        self._stanzas: dict[str, list[tuple[str, bytes]]] = {}
        self._providers: dict[str, list[str]] = {}
        self._base: set[str] = set()
        self._parsed: dict[str, Candidate | None] = {}
        for archive, raw in offers:
            self._sort_in(archive, raw)

    def candidate(self, name: str) -> Candidate | None:
        """The version of the package `name` that can be installed, None where there is no such package."""
        if name not in self._parsed:
            self._parsed[name] = self._newest(name)
        return self._parsed[name]

    def choices(self, relation: Relation) -> list[Candidate]:
        """All that meet `relation`: the package of that name, then those that provide it, by priority and name."""
        real = self.candidate(relation.name)
        others = [self.candidate(name) for name in self._providers.get(relation.name, ())]
        virtual = {one.name: one for one in others if one is not None and one is not real}
        ordered = sorted(virtual.values(), key=lambda one: (one.priority, one.name))
        return [one for one in (*([real] if real else ()), *ordered) if one.meets(relation, self.architecture)]

    @property
    def base(self) -> list[Candidate]:
        """What every system has, by name."""
        found = (self.candidate(name) for name in sorted(self._base))
        return [one for one in found if one is not None and one.is_base]

    def nearest(self, name: str) -> str:
        """The name of the package that somebody probably meant by `name`, empty where none is near."""
        alike = [
            one
            for one in self._stanzas
            if abs(len(one) - len(name)) <= _OTHER_LENGTH and (one[0] == name[0] or one[-1] == name[-1])
        ]
        near = get_close_matches(name, alike, n=5, cutoff=0.7)
        # Of names that are equally near the one with the same letters: those are swapped most easily.
        return next(iter(sorted(near, key=lambda one: sorted(one) != sorted(name))), "")

    def _sort_in(self, archive: str, raw: bytes) -> None:
        if raw.startswith(_FIRST_FIELD):
            name = raw[len(_FIRST_FIELD) : raw.find(b"\n")].strip().decode(errors="replace")
        elif match := _NAME.search(raw):
            name = match[1].decode(errors="replace")
        else:
            raise BuilderError(
                f"the index of {archive} for {self.architecture} has a stanza without the name of a package"
            )
        self._stanzas.setdefault(name, []).append((archive, raw))
        # Looking for the plain text first: the pattern alone takes twice as long.
        if b"\nProvides:" in raw and (match := _PROVIDES.search(raw)):
            for provided in _PROVIDED_NAME.findall(match[1]):
                self._providers.setdefault(provided.decode(errors="replace"), []).append(name)
        if any(mark in raw for mark in _BASE_MARKS):
            self._base.add(name)

    def _newest(self, name: str) -> Candidate | None:
        where = f"the index for {self.architecture}"
        parsed = [(archive, parse_package(raw, where=where)) for archive, raw in self._stanzas.get(name, ())]
        asked = self._versions.get(name)
        fitting = [(archive, package) for archive, package in parsed if asked in (None, package.version)]
        if not fitting:
            return None
        archive, package = max(fitting, key=lambda one: version_key(one[1].version))
        return _candidate(archive, package, f"{where}, package {name}")


def read_universe(
    library: Library, releases: Iterable[Release], architecture: str, versions: Mapping[str, str] | None = None
) -> Universe:
    """All that `releases` have for `architecture`."""
    return Universe(architecture, _offers(library, releases, architecture), versions)


def _offers(library: Library, releases: Iterable[Release], architecture: str) -> Iterator[tuple[str, bytes]]:
    for release in releases:
        for component in release.repository.components:
            for one in release.architectures_with(architecture):
                for raw in library.stanzas(release, component, one):
                    yield release.repository.archive, raw


def _candidate(archive: str, package: Package, where: str) -> Candidate:
    fields = package.fields
    depends = [
        parse_clauses(fields.get(name.lower(), ""), where=f"{where}, {name}") for name in ("Pre-Depends", "Depends")
    ]
    return Candidate(
        package=package,
        archive=archive,
        depends=(*depends[0], *depends[1]),
        conflicts=tuple(
            (name, relation)
            for name in ("Conflicts", "Breaks")
            for relation in parse_relations(fields.get(name.lower(), ""), where=f"{where}, {name}")
        ),
        provides=parse_relations(fields.get("provides", ""), where=f"{where}, Provides"),
    )
