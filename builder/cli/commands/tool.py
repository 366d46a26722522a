"""`builder tool`: the locked toolchains, for people who work on the project."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from builder.cli.commands.build import live_session


class Tool(StrEnum):
    """A toolchain of the lock."""

    GO = "go"
    ZIG = "zig"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: builder tool --directory cluster go test ./...",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
    )(tool)


def tool(
    context: typer.Context,
    name: Annotated[Tool, typer.Argument(help="Which toolchain.")],
    directory: Annotated[Path, typer.Option("--directory", "-C", help="Run it there.")] = Path(),
) -> None:
    """Run a toolchain of the lock, in exactly the version that builds use, with its caches and the user's network."""
    from builder.app.project import find_project
    from builder.app.session import Settings
    from builder.app.tools import tool_command

    project = find_project(os.environ)
    with live_session(Settings(), quiet=True, events=None) as session:
        workspace = project.open("edge", ())
        argv, environment = tool_command(session, workspace, name, context.args, directory=directory)
    os.chdir(directory)
    os.execve(argv[0], argv, environment)  # noqa: S606 - the tool takes this process's place: terminal, signals, status
