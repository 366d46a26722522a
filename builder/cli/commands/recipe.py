"""`builder validate` and `builder show`: looking at recipes."""

import json
import os
from typing import Annotated

import typer

from builder.cli.options import ArchOption, JsonOption, LockOption, RecipeArgument, SetOption


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: builder validate my-recipe.yaml")(validate)
    app.command(epilog="Examples: builder show --set architectures='[armv7]'; builder show --files --arch armv7")(show)


def validate(recipe: RecipeArgument = "edge", overrides: SetOption = None) -> None:
    """Check a recipe and report every mistake at once, each at its line."""
    from builder.app.project import find_project
    from builder.recipe.load import load_recipe

    path = find_project(os.environ).recipe_path(recipe)
    loaded = load_recipe(path, overrides or ())
    typer.echo(f"{path} is valid: {len(loaded.files)} files, {len(loaded.recipe.architectures)} architectures")


def show(  # noqa: PLR0913 - one parameter per option
    recipe: RecipeArgument = "edge",
    *,
    files: Annotated[
        bool, typer.Option("--files", help="Print what the recipe changes of its packages' files, as it was built.")
    ] = False,
    arch: ArchOption = None,
    overrides: SetOption = None,
    lock: LockOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the resolved recipe: every default filled, every value with the line where it was written."""
    from builder.app.project import find_project
    from builder.core.errors import RecipeError

    project = find_project(os.environ)
    if files:
        from builder.app.changed_files import changed_files
        from builder.app.session import Session, Settings
        from builder.cli.render.files import files_json, render_files

        with Session(project, Settings()) as session:
            changes = changed_files(session, project.open(recipe, overrides or (), lock_file=lock), arch or ())
        typer.echo(json.dumps(files_json(changes), indent=2) if as_json else render_files(changes), nl=as_json)
        return
    from builder.recipe.load import load_recipe
    from builder.recipe.resolve import resolve, to_json, to_yaml

    if arch or lock:
        raise RecipeError("--arch and --lock are for --files: a recipe is the same for all architectures")
    resolved = resolve(load_recipe(project.recipe_path(recipe), overrides or ()))
    typer.echo(json.dumps(to_json(resolved), indent=2) if as_json else to_yaml(resolved), nl=as_json)
