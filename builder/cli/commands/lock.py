"""`builder lock`: pins."""

import os
import time
from typing import Annotated

import typer

from builder.cli.live import live_session
from builder.cli.options import STALL_S, EventsOption, LockOption, QuietOption, RecipeArgument, SetOption, StallOption
from builder.core.lock_part import LockPart


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Examples: builder lock; builder lock --update; builder lock --update --only modules")(lock)


def lock(  # noqa: PLR0913 - one parameter per option
    recipe: RecipeArgument = "edge",
    *,
    update: Annotated[
        bool, typer.Option("--update", help="Pin what the recipe asks for and the lock does not.")
    ] = False,
    only: Annotated[
        list[LockPart] | None, typer.Option("--only", help="With --update: resolve this part anew; may be repeated.")
    ] = None,
    overrides: SetOption = None,
    lock_file: LockOption = None,
    network_timeout: StallOption = STALL_S,
    quiet: QuietOption = False,
    events: EventsOption = None,
) -> None:
    """Check that the lock fits the recipe, or move its pins."""
    from builder.app.locking import LockRequest, update_lock
    from builder.app.project import find_project
    from builder.app.session import Settings

    project = find_project(os.environ)
    if not update:
        workspace = project.open(recipe, overrides or (), lock_file=lock_file)
        typer.echo(f"{workspace.lock_file} fits the recipe")
        return
    with live_session(Settings(stall_s=network_timeout), quiet=quiet, events=events) as session:
        path = project.recipe_path(recipe)
        changes = update_lock(
            session,
            LockRequest(
                recipe=path,
                overrides=overrides or (),
                lock_file=lock_file,
                parts=frozenset(only or ()),
                now_s=int(time.time()),
            ),
        )
    typer.echo("\n".join(changes) if changes else "the lock fits the recipe; nothing changed")
