"""Reads a file that holds one section and nothing else: a machine, a board. Strictly, as recipes are read."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from builder.core.errors import RecipeError
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import MapNode, Problem, Source, shown_path
from builder.recipe.explain import explain_errors
from builder.recipe.plain import plain_values
from builder.recipe.section import Section

SectionT = TypeVar("SectionT", bound=Section)


def read_section(path: Path, model: type[SectionT], cwd: Path) -> SectionT:
    """What the file at `path` says; `RecipeError` with `file:line:column` of every mistake. Paths are shown from `cwd`."""
    document = read_document(path, Source(name=shown_path(path, cwd), base=path.parent))
    problems = list(document.problems)
    section: SectionT | None = None
    if isinstance(document.root, MapNode):
        try:
            section = model.model_validate(plain_values(document.root))
        except ValidationError as error:
            problems += explain_errors(error, document.root, complete=True, model=model)
    elif document.root is not None:
        problems.append(Problem(place=document.root.place, message="must be a mapping: lines of 'key: value'"))
    if problems or section is None:
        problems.sort(key=lambda problem: (problem.place.line, problem.place.column))
        raise RecipeError(f"{shown_path(path, cwd)} cannot be used", details=[str(problem) for problem in problems])
    return section
