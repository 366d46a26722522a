"""`builder rootfs`: root file systems, beyond making them."""

import os
from typing import Annotated

import typer

from builder.cli.live import live_session
from builder.cli.options import LockOption, SetOption

_RecipeOption = Annotated[
    str, typer.Option("--recipe", help="Name of a recipe in recipes/, or the path of a .yaml file.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command(epilog="Examples: builder rootfs learn redis-server; builder rootfs learn ./own_1.0_arm64.deb")(learn)
    app.add_typer(group, name="rootfs", help="Root file systems: prepare what is known of maintainer scripts.")


def learn(
    packages: Annotated[list[str], typer.Argument(metavar="PACKAGE...", help="Packages of the lock, or .deb files.")],
    *,
    recipe: _RecipeOption = "edge",
    overrides: SetOption = None,
    lock_file: LockOption = None,
) -> None:
    """Prepare entries for packages whose maintainer scripts are not known; what they do is for you to fill in."""
    from builder.app.learning import learn_packages
    from builder.app.project import find_project
    from builder.app.session import Settings

    project = find_project(os.environ)
    with live_session(Settings(), quiet=True, events=None) as session:
        workspace = project.open(recipe, overrides or (), lock_file=lock_file)
        learnt = learn_packages(session, workspace, packages)
    for name in learnt.known:
        typer.echo(f"{name}: all of its own commands are known")
    for path in learnt.written:
        typer.echo(f"{path}: read the new scripts, and fill in their effects (docs/reference/effects.md)")
    if learnt.sections:
        typer.echo("sections that no template of snippets.yaml matches:")
        for section in learnt.sections:
            typer.echo("".join(f"  {line}\n" for line in section.splitlines()), nl=False)
