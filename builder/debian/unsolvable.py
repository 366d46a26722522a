"""Words for packages that cannot be had, or not together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from builder.debian.relations import Relation, format_clause
from builder.debian.selection import Clash, Need, Selection
from builder.debian.universe import Universe

_INDENT = "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Packages that are `wanted`, those that must stay out, and for each where that is said (`recipes/edge.yaml:14:7`).

    `with_base` adds what every system has: essential packages, and those of the priority `required`.
    """

    wanted: Mapping[str, str]
    without: Mapping[str, str] = field(default_factory=dict)
    with_base: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """No package can be what `need` asks for."""

    need: Need


def wrong_names(universe: Universe, request: Request) -> list[str]:
    """A line for every wanted package that there is not, and for every one that cannot be done without."""
    wanted = [_wrong_name(universe, name, place) for name, place in sorted(request.wanted.items())]
    unloved = [_essential(universe, name, place) for name, place in request.without.items() if request.with_base]
    return [line for line in (*wanted, *unloved) if line]


def describe_clash(clash: Clash, need: Need, selection: Selection, request: Request) -> list[str]:
    """What does not go together, and why both are there; `need` asks for the one that `selection` does not have."""
    left, right = clash.left, clash.right
    told = f"{left.name} {left.version} and {right.name} {right.version} exclude each other"
    lines = [f"{told} ({left.name} has {clash.field}: {clash.relation})"]
    for one in (left, right):
        needs = selection.chain(one.name) if one.name in selection.packages else [need, *selection.chain(need.owner)]
        lines.append(f"{_INDENT}{one.name} is {_because(needs, request)}")
    return lines


def describe_unmet(unmet: Unmet, selection: Selection, universe: Universe, request: Request) -> list[str]:
    """Which dependency cannot be met, why, and who brings it."""
    need = unmet.need
    reasons = list(dict.fromkeys(reason for one in need.clause for reason in _reasons(one, universe, request)))
    because = _because(selection.chain(need.owner), request)
    return [
        f"{need.owner} needs {format_clause(need.clause)}, which cannot be had",
        *(f"{_INDENT}{reason}" for reason in reasons),
        f"{_INDENT}{need.owner} is {because}",
    ]


def _wrong_name(universe: Universe, name: str, place: str) -> str:
    if universe.candidate(name):
        return ""
    providers = [one.name for one in universe.choices(Relation(name=name))]
    if providers:
        return f"{place}: {name} is no package but what several can be; name one of them: {', '.join(providers)}"
    near = universe.nearest(name)
    return f"{place}: there is no package {name} for {universe.architecture}" + (
        f"; did you mean {near}?" if near else ""
    )


def _essential(universe: Universe, name: str, place: str) -> str:
    found = universe.candidate(name)
    if found is None or not found.is_essential:
        return ""
    return f"{place}: {name} cannot be left out: it is essential, packages rely on it without saying so"


def _reasons(relation: Relation, universe: Universe, request: Request) -> Iterator[str]:
    choices = universe.choices(relation)
    for one in choices:
        if one.name in request.without:
            yield f"{one.name} must not be installed ({request.without[one.name]})"
    if choices:
        return
    real = universe.candidate(relation.name)
    versions = [f"{real.name} {real.version}"] if real else []
    # With or without a version: what provides the name alone is of no use to a relation that asks for one.
    others = universe.choices(Relation(name=relation.name))
    versions += [f"{one.name}, which provides it" for one in others if one is not real]
    yield f"there is {'only ' + ', '.join(versions) if versions else f'no {relation.name}'}"


def _because(needs: Sequence[Need], request: Request) -> str:
    """Who needs a package, who needs that one, and where the last of them is wanted."""
    words = [f"needed by {need.owner}" for need in needs if need.owner]
    root = needs[-1].clause[0].name
    words.append(f"wanted in {request.wanted[root]}" if root in request.wanted else "part of every system")
    return ", ".join(words)
