"""Reads files of labs and scenarios strictly: every mistake at once, with file, line and column."""

from collections.abc import Callable, Iterable, Sequence
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
    elif root is not None:
        problems.append(Problem(place=root.place, message="must be a mapping: lines of 'key: value'"))
    if problems or value is None or not isinstance(root, MapNode):
        raise RecipeError(f"{source.name} cannot be used", details=_told(problems))
    return Written(path=path, name=source.name, value=value, root=root)


def _problem(root: MapNode, mistake: Mistake) -> Problem:
    return Problem(place=place_of(root, mistake.path), message=f"{format_key_path(mistake.path)}: {mistake.message}")


def _told(problems: Sequence[Problem]) -> list[str]:
    order = sorted(problems, key=lambda one: (one.place.line, one.place.column, one.message))
    return [str(problem) for problem in order]
