"""The packages that a solution holds so far, and what they say of others."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from builder.debian.relations import Clause, Relation
from builder.debian.universe import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A clause that must be met, and the name of the package that says so; empty for what the user wants."""

    owner: str
    clause: Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """`left` says in `field` (Conflicts, Breaks) that it does not go together with `relation`, which `right` is."""

    left: Candidate
    right: Candidate
    field: str
    relation: Relation

    @property
    def names(self) -> frozenset[str]:
        """The names of both."""
        return frozenset((self.left.name, self.right.name))


@dataclass(slots=True, kw_only=True)
class Selection:
    """Packages by name, in the order in which they were taken.

    `owners` says who needed each first, `levels` which decisions (by number) it is there for: a package with none is
    part of every solution.
    """

    architecture: str
    packages: dict[str, Candidate] = field(default_factory=dict)
    owners: dict[str, Need] = field(default_factory=dict)
    levels: dict[str, frozenset[int]] = field(default_factory=dict)
    _providers: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)
    _refusers: dict[str, tuple[tuple[Candidate, str, Relation], ...]] = field(default_factory=dict)

    def copy(self) -> "Selection":
        """One that goes its own way from here."""
        return Selection(
            architecture=self.architecture,
            packages=dict(self.packages),
            owners=dict(self.owners),
            levels=dict(self.levels),
            _providers=dict(self._providers),
            _refusers=dict(self._refusers),
        )

    def add(self, candidate: Candidate, need: Need, levels: frozenset[int]) -> None:
        """Take `candidate` for the sake of `need`."""
        self.packages[candidate.name] = candidate
        self.owners[candidate.name] = need
        self.levels[candidate.name] = levels
        for name in _names(candidate):
            self._providers[name] = (*self._providers.get(name, ()), candidate)
        for where, relation in candidate.conflicts:
            self._refusers[relation.name] = (*self._refusers.get(relation.name, ()), (candidate, where, relation))

    def meets(self, clause: Clause) -> bool:
        """Whether one of the packages is what `clause` asks for."""
        return any(
            one.meets(relation, self.architecture)
            for relation in clause
            for one in self._providers.get(relation.name, ())
        )

    def clashes(self, candidate: Candidate) -> Iterator[Clash]:
        """Why `candidate`, which is none of the packages, cannot join them: what it refuses, and what refuses it."""
        for where, relation in candidate.conflicts:
            for one in self._providers.get(relation.name, ()):
                if one.meets(relation, self.architecture):
                    yield Clash(left=candidate, right=one, field=where, relation=relation)
        for name in _names(candidate):
            for one, where, relation in self._refusers.get(name, ()):
                if candidate.meets(relation, self.architecture):
                    yield Clash(left=one, right=candidate, field=where, relation=relation)

    def chain(self, name: str) -> list[Need]:
        """Who needs the package `name`, who needs that one, and so on up to what the user wants."""
        needs: list[Need] = []
        while name:
            needs.append(self.owners[name])
            name = needs[-1].owner
        return needs


def _names(candidate: Candidate) -> tuple[str, ...]:
    return tuple(dict.fromkeys((candidate.name, *(one.name for one in candidate.provides))))
