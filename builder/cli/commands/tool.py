"""`builder tool`: the locked toolchains and tools, for people who work on the project."""

import os
from pathlib import Path
from typing import Annotated

import typer

from builder.cli.live import live_session

_TOOLCHAINS = ("go", "zig")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Example: builder tool --directory cluster go test ./...",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
    )(tool)


def _toolchains(incomplete: str) -> list[str]:
    return [name for name in _TOOLCHAINS if name.startswith(incomplete)]


def tool(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A toolchain (go, zig), or a program of the tools in the lock.",
            autocompletion=_toolchains,
        ),
    ],
    directory: Annotated[Path, typer.Option("--directory", "-C", help="Run it there.")] = Path(),
) -> None:
    """Run a toolchain or a tool of the lock, in exactly the version that builds use.

    Toolchains get their caches and the user's network.
    """
    from builder.app.project import find_project
    from builder.app.session import Settings
    from builder.app.tools import tool_command

    project = find_project(os.environ)
    with live_session(Settings(), quiet=True, events=None) as session:
        workspace = project.open("edge", ())
        argv, environment = tool_command(session, workspace, name, context.args, directory=directory)
    os.chdir(directory)
    os.execve(argv[0], argv, environment)  # noqa: S606 - the tool takes this process's place: terminal, signals, status
