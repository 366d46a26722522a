"""The resolved recipe: every default filled, every value with its origin, as `builder show` prints it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from builder.core.digest import Json
from builder.formats.yaml_tree import shown_path
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.load import DEFAULT_ORIGIN, LoadedRecipe
from builder.recipe.models import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRecipe:
    """A recipe in which nothing is left open.

    `values` is its plain form: paths relative to the current directory where they lie inside it. `origins` says for the
    key path of every single value, and of every empty list or mapping, where it comes from: `recipes/edge.yaml:14`,
    `--set KEY=VALUE` or `default`.
    """

    recipe: Recipe
    values: Mapping[str, Json]
    origins: Mapping[str, str]


def resolve(loaded: LoadedRecipe) -> ResolvedRecipe:
    """`loaded` with every default filled."""
    origins: dict[str, str] = {}
    fields = {name: getattr(loaded.recipe, name) for name in Recipe.model_fields}
    values = {name: _resolved(value, (name,), loaded, origins) for name, value in fields.items() if value is not None}
    return ResolvedRecipe(recipe=loaded.recipe, values=values, origins=origins)


def to_json(resolved: ResolvedRecipe) -> dict[str, Json]:
    """The plain form for `--json`: the recipe's values in the order of the reference."""
    return dict(resolved.values)


def to_yaml(resolved: ResolvedRecipe, *, origins: bool = True) -> str:
    """The recipe as YAML; with `origins`, each value's origin in a comment.

    Saved in the current directory, where its relative paths start, it loads again as the same recipe.
    """
    from builder.recipe.render import render_yaml  # noqa: PLC0415 - building needs no rendering

    return render_yaml(resolved.values, resolved.origins if origins else {})


def _resolved(value: object, path: KeyPath, loaded: LoadedRecipe, origins: dict[str, str]) -> Json:
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return {
            name: _resolved(inner, (*path, name), loaded, origins)
            for name, inner in fields.items()
            if inner is not None
        }
    if isinstance(value, Mapping) and value:
        return {key: _resolved(inner, (*path, key), loaded, origins) for key, inner in value.items()}
    if isinstance(value, tuple) and value:
        return [_resolved(inner, (*path, index), loaded, origins) for index, inner in enumerate(value)]
    place = loaded.place(path)
    origins[format_key_path(path)] = place.at_line if place else DEFAULT_ORIGIN
    return _scalar(value, loaded.cwd)


def _scalar(value: object, cwd: Path) -> Json:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Path):
        return shown_path(value, cwd)
    if isinstance(value, Mapping):
        return {}
    if isinstance(value, tuple):
        return []
    if isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"a recipe holds no {type(value).__name__}")
