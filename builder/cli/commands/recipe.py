"""`builder validate` and `builder show`: looking at recipes."""

import json
import os

import typer

from builder.cli.options import JsonOption, RecipeArgument, SetOption


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: builder validate my-recipe.yaml")(validate)
    app.command(epilog="Example: builder show --set architectures='[armv7]'")(show)


def validate(recipe: RecipeArgument = "edge", overrides: SetOption = None) -> None:
    """Check a recipe and report every mistake at once, each at its line."""
    from builder.app.project import find_project
    from builder.recipe.load import load_recipe

    path = find_project(os.environ).recipe_path(recipe)
    loaded = load_recipe(path, overrides or ())
    typer.echo(f"{path} is valid: {len(loaded.files)} files, {len(loaded.recipe.architectures)} architectures")


def show(recipe: RecipeArgument = "edge", *, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Print the resolved recipe: every default filled, every value with the line where it was written."""
    from builder.app.project import find_project
    from builder.recipe.load import load_recipe
    from builder.recipe.resolve import resolve, to_json, to_yaml

    resolved = resolve(load_recipe(find_project(os.environ).recipe_path(recipe), overrides or ()))
    typer.echo(json.dumps(to_json(resolved), indent=2) if as_json else to_yaml(resolved), nl=as_json)
