"""Reads files of labs and scenarios strictly: every mistake at once, with file, line and column."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from builder.core.errors import RecipeError
from builder.fleet.node.read import place_of
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import MapNode, Problem, Source, shown_path
from builder.recipe.explain import explain_errors
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.plain import plain_values
from builder.recipe.section import Section

# What is dropped may have been required: its section goes in the next round.
_ROUNDS = 5
SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong, and at which key; the key itself may be missing."""

    path: KeyPath
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Generic[SectionT]):
    """What a file says, and where it says so."""

    path: Path
    name: str
    value: SectionT
    root: MapNode

    def located(self, mistakes: Iterable[Mistake]) -> list[str]:
        """Each of `mistakes` behind the place where it is written, in the order of lines."""
        return _told([_problem(self.root, mistake) for mistake in mistakes])


def read_written(
    path: Path, model: type[SectionT], judge: Callable[[SectionT], Iterable[Mistake]], cwd: Path
) -> Written[SectionT]:
    """What the file at `path` says; `judge` finds what is wrong between its keys. Paths are shown from `cwd`."""
    if not path.is_file():
        raise RecipeError(f"there is no file {shown_path(path, cwd)}")
    source = Source(name=shown_path(path, cwd), base=path.parent)
    document = read_document(path, source)
    problems, root = list(document.problems), document.root
    value: SectionT | None = None
    if isinstance(root, MapNode):
        try:
            value = model.model_validate(plain_values(root))
            problems += [_problem(root, mistake) for mistake in judge(value)]
        except ValidationError as error:
            problems += explain_errors(error, root, complete=True, model=model)
            problems += [_problem(root, mistake) for mistake in _others(error, root, model, judge)]
    elif root is not None:
        problems.append(Problem(place=root.place, message="must be a mapping: lines of 'key: value'"))
    if problems or value is None or not isinstance(root, MapNode):
        raise RecipeError(f"{source.name} cannot be used", details=_told(problems))
    return Written(path=path, name=source.name, value=value, root=root)


def _others(
    error: ValidationError,
    root: MapNode,
    model: type[SectionT],
    judge: Callable[[SectionT], Iterable[Mistake]],
) -> Iterator[Mistake]:
    """What is wrong between keys besides `error`, found without those that are wrong by themselves."""
    values, dropped = plain_values(root), set[KeyPath]()
    for _ in range(_ROUNDS):
        paths = {_drop(values, detail["loc"]) for detail in error.errors(include_url=False)}
        dropped |= paths
        if () in paths:
            return  # nothing follows from what is left
        try:
            value = model.model_validate(values)
        except ValidationError as again:
            error = again
            continue
        yield from (mistake for mistake in judge(value) if not any(_touches(mistake.path, path) for path in dropped))
        return


def _drop(values: object, location: KeyPath) -> KeyPath:
    """Take the innermost key of `location` that is there out of `values`; where it stood, empty for nowhere."""
    holders: list[tuple[dict[str, object], KeyPath]] = []
    inner = values
    for depth, segment in enumerate(location, 1):
        if isinstance(inner, dict) and segment in inner:
            holders.append((inner, location[:depth]))
            inner = inner[segment]
        elif isinstance(inner, tuple) and isinstance(segment, int) and segment < len(inner):
            inner = inner[segment]
        else:
            break
    if not holders:
        return ()
    holder, path = holders[-1]
    del holder[str(path[-1])]
    return path


def _touches(one: KeyPath, other: KeyPath) -> bool:
    """Whether one of two keys is the other, or within it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _problem(root: MapNode, mistake: Mistake) -> Problem:
    return Problem(place=place_of(root, mistake.path), message=f"{format_key_path(mistake.path)}: {mistake.message}")


def _told(problems: Sequence[Problem]) -> list[str]:
    order = sorted(problems, key=lambda one: (one.place.line, one.place.column, one.message))
    return [str(problem) for problem in order]
