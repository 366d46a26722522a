"""Loads a recipe: reads its files, lays them over each other, validates, and reports every mistake at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from builder.core.errors import RecipeError
from builder.formats.yaml_tree import DroppedNode, ListNode, MapNode, Node, Place, Problem, shown_path
from builder.recipe.checks import check_tree
from builder.recipe.keypath import KeyPath, parse_key_path
from builder.recipe.merge import Merged, merge_files
from builder.recipe.models import Recipe
from builder.recipe.overrides import apply_overrides
from builder.recipe.plain import plain_values

DEFAULT_ORIGIN = "default"
_LINE_LENGTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe:
    """A valid recipe, and where each of its values was written.

    `files` are absolute, in the order in which they were first named; `cwd` is what shown paths are relative to.
    """

    recipe: Recipe
    files: tuple[Path, ...]
    cwd: Path
    root: MapNode

    def origin(self, key_path: str) -> str:
        """Where the value at `key_path` was written: `FILE:LINE:COLUMN`, `--set KEY=VALUE` or `default`."""
        place = self.place(parse_key_path(key_path))
        return str(place) if place else DEFAULT_ORIGIN

    def shown(self, path: Path) -> str:
        """`path` for people: relative where it lies below `cwd`."""
        return shown_path(path, self.cwd)

    def place(self, path: KeyPath) -> Place | None:
        """Where the value at `path` was written, None where it comes from a default."""
        node: Node = self.root
        for segment in path:
            if isinstance(node, MapNode) and segment in node.entries:
                node = node.entries[str(segment)].value
            elif isinstance(node, ListNode) and isinstance(segment, int) and segment < len(node.items):
                node = node.items[segment]
            else:
                return None
        return None if isinstance(node, DroppedNode) else node.place


def load_recipe(path: Path, overrides: Sequence[str] = (), *, cwd: Path | None = None) -> LoadedRecipe:
    """The recipe in the file at `path`, with `overrides` (`key.path=value`) laid over it.

    `path` is relative to `cwd`, the current directory unless given. Raises `RecipeError` with one line for each
    mistake. Nothing but the recipe's files is read.
    """
    here = cwd or Path.cwd()
    merged = merge_files(path, here)
    root, override_problems = apply_overrides(merged.root, overrides, here)
    problems = [*merged.problems, *override_problems]
    recipe = None
    if merged.files and (merged.complete or root.entries):
        problems += check_tree(root)
        try:
            recipe = Recipe.model_validate(plain_values(root))
        except ValidationError as error:
            from builder.recipe.explain import explain_errors  # noqa: PLC0415 - only errors need it

            problems += explain_errors(error, root, complete=merged.complete and not override_problems)
    if problems or recipe is None:
        raise _recipe_error(path, merged, problems)
    return LoadedRecipe(recipe=recipe, files=merged.files, cwd=here, root=root)


def _recipe_error(path: Path, merged: Merged, problems: Sequence[Problem]) -> RecipeError:
    lines = [_shortened(str(problem)) for problem in sorted(problems, key=_order)]
    mistakes = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    hint = "every key is explained in docs/reference/recipe.md"
    return RecipeError(f"{mistakes} in the recipe {path}", details=lines, hint=hint if merged.files else "")


def _shortened(line: str) -> str:
    """`line` without most of a value that nobody wrote by hand."""
    return line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]}..."


def _order(problem: Problem) -> tuple[bool, str, int, int, str]:
    """By file and line, the command line last."""
    place = problem.place
    return (place.source.name.startswith("--set "), place.source.name, place.line, place.column, problem.message)
