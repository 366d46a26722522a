"""`builder vendor`: a directory to build from when registries no longer have what a lock names."""

import os
import re
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from builder.cli.live import live_session
from builder.cli.options import (
    STALL_S,
    ArchOption,
    EventsOption,
    LockOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    StallOption,
)

_PYTHON = re.compile(r"3\.\d{1,2}")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Examples: builder vendor kept; builder vendor kept --all-hosts --python 3.13; builder make --from kept"
    )(vendor)


def vendor(  # noqa: PLR0913 - one parameter per option
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory to fill; made where it is missing.")],
    recipe: RecipeArgument = "edge",
    *,
    arch: ArchOption = None,
    all_hosts: Annotated[
        bool,
        typer.Option("--all-hosts", help="To build on machines of every architecture, not on ones like this alone."),
    ] = False,
    python: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VERSION", help="A Python to set the builder up with there; may be repeated. Default: this one."
        ),
    ] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Also what the builder's tests and lints need of Python.")] = False,
    sources_of: Annotated[
        Path | None,
        typer.Option("--sources-of", metavar="RELEASE", help="Also Debian's source packages that this release names."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Fetch nothing; compare every file with the lock.")] = False,
    overrides: SetOption = None,
    lock: LockOption = None,
    network_timeout: StallOption = STALL_S,
    quiet: QuietOption = False,
    events: EventsOption = None,
) -> None:
    """Fetch everything that a recipe's lock names into DIR, to build from it later without a network."""
    from builder.app.project import find_project
    from builder.app.session import Settings
    from builder.app.vendor import fill
    from builder.app.vendor.compose import Scope, requirement_files
    from builder.app.vendor.sources import SourceParts, source_parts
    from builder.cli.render.text import count
    from builder.core.arch import BUILD_HOSTS, host_arch
    from builder.core.resources import format_size

    project = find_project(os.environ)
    scope = Scope(
        archs=arch or (),
        hosts=BUILD_HOSTS if all_hosts else (host_arch(),),
        pythons=_pythons(python),
        requirements=requirement_files(project, development=dev),
    )
    with live_session(Settings(stall_s=network_timeout), quiet=quiet, events=events) as session:
        workspace = project.open(recipe, overrides or (), lock_file=lock)
        work = fill.check if check else fill.fill
        now_s = int(time.time())
        sources = source_parts(session, workspace, sources_of, now_s=now_s) if sources_of else SourceParts()
        held = work(session, workspace, scope, directory.absolute(), sources)
    told = (
        f"{directory} holds everything that {recipe} needs: {count(held.parts, 'part')}, {format_size(held.size_bytes)}"
    )
    typer.echo(told if check else f"{told}; {held.fetched} new", err=events is not None)


def _pythons(versions: list[str] | None) -> list[str]:
    from builder.core.errors import RecipeError

    wrong = [version for version in versions or () if not _PYTHON.fullmatch(version)]
    if wrong:
        raise RecipeError(f"--python {wrong[0]}: no version of Python", hint="as in: --python 3.13")
    return list(dict.fromkeys(versions or ())) or [f"{sys.version_info.major}.{sys.version_info.minor}"]
