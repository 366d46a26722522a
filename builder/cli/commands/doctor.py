"""`builder doctor`: what this machine can and cannot do."""

import json
import os

import typer

from builder.cli.options import JsonOption, RecipeArgument


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: builder doctor --json")(doctor)


def doctor(recipe: RecipeArgument = "edge", *, as_json: JsonOption = False) -> None:
    """Look at this machine: what a build of the recipe needs, and what is there. Exit code 3 when something is missing."""
    from builder.app.doctor import Needs, examine
    from builder.app.make import largest_step
    from builder.app.project import find_project
    from builder.cli.render.report import render_report

    project = find_project(os.environ)
    workspace = project.open(recipe)
    needs = Needs(largest_step=largest_step(workspace), epoch_s=workspace.lock.epoch_s)
    report = examine(checkout=project.root, cache=project.cache, environment=project.environment, needs=needs)
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else render_report(report), nl=as_json)
    raise typer.Exit(report.exit_code)
