"""Which packages a fresh installation is made of: what is wanted, and all that it needs. What is recommended does not come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from builder.core.errors import RecipeError
from builder.debian.relations import Relation
from builder.debian.selection import Clash, Need, Selection
from builder.debian.universe import Candidate, Universe
from builder.debian.unsolvable import Request, Unmet, describe_clash, describe_unmet, wrong_names

# A root file system takes some ten decisions. This many are seconds, and nobody waits for the end of the world.
_MOST_DECISIONS = 3000
_Open: TypeAlias = tuple[Need, list[Candidate]]


def solve(universe: Universe, request: Request) -> tuple[Candidate, ...]:
    """The packages that `request` takes, by name; `RecipeError` tells all that is in its way.

    Whatever has only one answer is taken first. Where alternatives are left, what is there already counts before what is
    named first, and that before the others; where it fails, the next one is tried. The answer depends on what is
    wanted alone, not on its order.
    """
    told = wrong_names(universe, request)
    roots = _roots(universe, request)
    search = _Search(universe=universe, forbidden=frozenset(request.without))
    # A problem is told once and then overlooked, so that those behind it are told too.
    while True:
        result = search.run(Selection(architecture=universe.architecture), roots, depth=0)
        if isinstance(result, Selection):
            break
        if isinstance(result.problem, Clash):
            search.overlooked_clashes.add(result.problem.names)
            told += describe_clash(result.problem, result.need, result.selection, request)
        else:
            search.overlooked_needs.add(result.problem.need)
            told += describe_unmet(result.problem, result.selection, universe, request)
    if told:
        raise RecipeError(
            f"the packages for {universe.architecture} do not go together",
            details=told,
            hint="correct the packages of the recipe, or the suites that they come from",
        )
    return tuple(result.packages[name] for name in sorted(result.packages))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """There is no solution that holds `selection`; what is to blame beside it are the decisions `levels`."""

    levels: frozenset[int]
    problem: Clash | Unmet
    need: Need
    selection: Selection


@dataclass(slots=True, kw_only=True)
class _Search:
    """Looks for a solution without the packages `forbidden`; overlooks the problems that it is told to."""

    universe: Universe
    forbidden: frozenset[str]
    overlooked_clashes: set[frozenset[str]] = field(default_factory=set)
    overlooked_needs: set[Need] = field(default_factory=set)
    decisions: int = 0

    def run(self, selection: Selection, needs: Iterable[Need], *, depth: int) -> Selection | _Failure:
        """A solution that holds `selection` and meets `needs`; `depth` decisions have been taken."""
        left = self._take_what_must_be(selection, list(needs))
        if isinstance(left, _Failure):
            return left
        return self._decide(selection, left, depth) if left else selection

    def _take_what_must_be(self, selection: Selection, needs: list[Need]) -> list[_Open] | _Failure:
        """Add to `selection` all that has no alternative; what is left to decide."""
        while True:
            left: list[_Open] = []
            taken = False
            while needs:
                new: list[Need] = []
                for need in needs:
                    if need in self.overlooked_needs or _is_met(selection, need):
                        continue
                    choices, clashes = self._choices(selection, need)
                    if not choices:
                        return self._failure(selection, need, clashes)
                    if len(choices) > 1:
                        left.append((need, choices))
                        continue
                    selection.add(choices[0], need, _levels(selection, need, clashes))
                    new += _needs_of(choices[0])
                    taken = True
                needs = new
            if not taken:
                return left
            needs = [need for need, _ in left]

    def _decide(self, selection: Selection, left: Sequence[_Open], depth: int) -> Selection | _Failure:
        """Try the choices of the first open need in turn."""
        (need, choices), *others = left
        _, clashes = self._choices(selection, need)
        levels = _levels(selection, need, clashes)
        blamed: frozenset[int] = levels
        first: _Failure | None = None
        for choice in choices:
            self.decisions += 1
            attempt = selection.copy()
            attempt.add(choice, need, levels | {depth})
            needs = [*(other for other, _ in others), *_needs_of(choice)]
            result = self.run(attempt, needs, depth=depth + 1)
            if isinstance(result, Selection):
                return result
            first = first or result
            if depth not in result.levels or self.decisions > _MOST_DECISIONS:
                return result  # this decision is not to blame: another one would end the same way
            blamed |= result.levels - {depth}
        if first is None:
            raise AssertionError("a need is left open only where it has choices")
        return _Failure(levels=blamed, problem=first.problem, need=first.need, selection=first.selection)

    def _choices(self, selection: Selection, need: Need) -> tuple[list[Candidate], list[Clash]]:
        """The packages that can meet `need`, the best first, and what keeps others from it."""
        choices: dict[str, Candidate] = {}
        clashes: list[Clash] = []
        for relation in need.clause:
            for one in self._candidates(need, relation):
                if one.name in self.forbidden or one.name in choices:
                    continue
                found = [clash for clash in selection.clashes(one) if clash.names not in self.overlooked_clashes]
                clashes += found
                if not found:
                    choices[one.name] = one
        return list(choices.values()), clashes

    def _candidates(self, need: Need, relation: Relation) -> list[Candidate]:
        """What the user wants is meant by its own name."""
        if need.owner:
            return self.universe.choices(relation)
        found = self.universe.candidate(relation.name)
        return [found] if found else []

    def _failure(self, selection: Selection, need: Need, clashes: Sequence[Clash]) -> _Failure:
        problem = clashes[0] if clashes else Unmet(need=need)
        return _Failure(levels=_levels(selection, need, clashes), problem=problem, need=need, selection=selection)


def _roots(universe: Universe, request: Request) -> list[Need]:
    """What every system has and what the user wants."""
    base = [one.name for one in universe.base] if request.with_base else []
    names = [*base, *sorted(set(request.wanted) - set(base))]
    return [
        Need(owner="", clause=(Relation(name=name),))
        for name in names
        if name not in request.without and universe.candidate(name)
    ]


def _is_met(selection: Selection, need: Need) -> bool:
    """What the user wants by name is wanted beside others that could stand for it."""
    return selection.meets(need.clause) if need.owner else need.clause[0].name in selection.packages


def _needs_of(candidate: Candidate) -> list[Need]:
    return [Need(owner=candidate.name, clause=clause) for clause in candidate.depends]


def _levels(selection: Selection, need: Need, clashes: Iterable[Clash]) -> frozenset[int]:
    """The decisions for whose sake `need` is there, and those that have taken choices away from it."""
    names = [name for clash in clashes for name in clash.names]
    found = [selection.levels.get(name, frozenset[int]()) for name in (need.owner, *names)]
    return frozenset[int]().union(*found)
