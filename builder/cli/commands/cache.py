"""`builder cache`: what the cache holds, and making room."""

import json
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from builder.cli.options import JsonOption

if TYPE_CHECKING:
    from builder.app.session import Session

_DAY_S = 86400


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands = typer.Typer(help="Look at the cache and make room.", no_args_is_help=True, rich_markup_mode=None)
    commands.command(epilog="Example: builder cache stats --json")(stats)
    commands.command("list", epilog="Example: builder cache list")(list_entries)
    commands.command(epilog="Example: builder cache gc --max-size '20 GiB' --max-age 30")(gc)
    commands.command(epilog="Example: builder cache verify")(verify)
    app.add_typer(commands, name="cache")


def stats(*, as_json: JsonOption = False) -> None:
    """How much each part of the cache holds."""
    from builder.app.caches import cache_stats
    from builder.cli.render.table import render_table
    from builder.core.resources import format_size

    with _session() as session:
        parts = cache_stats(session)
    if as_json:
        typer.echo(json.dumps([asdict(part) for part in parts], indent=2))
        return
    rows = [(part.name, format_size(part.size_bytes), str(part.files), part.path) for part in parts]
    typer.echo(render_table(("part", "size", "files", "where"), rows, right={"size", "files"}), nl=False)


def list_entries(*, as_json: JsonOption = False) -> None:
    """Every result in the store, most recently used first."""
    from builder.cli.render.table import render_table
    from builder.core.resources import format_size

    with _session() as session:
        records = sorted(session.store.entries(), key=lambda record: -record.used_s)
    if as_json:
        typer.echo(json.dumps([asdict(record) for record in records], indent=2))
        return
    rows = [
        (record.step, record.key.short, format_size(record.size_bytes), _day(record.created_s), _day(record.used_s))
        for record in records
    ]
    typer.echo(render_table(("step", "key", "size", "made", "used"), rows, right={"size"}), nl=False)


def gc(
    *,
    max_size: Annotated[str, typer.Option(help="Keep the store below this size.")] = "20 GiB",
    max_age: Annotated[int, typer.Option(help="Remove what was not used for this many days.", min=0)] = 30,
    toolchain_caches: Annotated[
        bool,
        typer.Option(
            "--toolchain-caches", help="Also empty the caches of Go, zig and Debian's archive; they only save time."
        ),
    ] = False,
) -> None:
    """Remove what was not used for long; results can be made again."""
    from builder.app.caches import clear_tool_caches
    from builder.cli.render.text import count
    from builder.core.resources import format_size, parse_size
    from builder.store.collect import collect_garbage

    with _session() as session:
        report = collect_garbage(
            session.store, now_s=time.time(), max_bytes=parse_size(max_size), max_age_s=max_age * _DAY_S
        )
        freed = clear_tool_caches(session) if toolchain_caches else 0
    typer.echo(
        f"removed {count(len(report.removed), 'result')}, {format_size(report.removed_bytes)}; kept {report.kept}, "
        f"{format_size(report.kept_bytes)}"
    )
    if toolchain_caches:
        typer.echo(f"emptied the caches of Go, zig and Debian's archive, {format_size(freed)}")


def verify() -> None:
    """Read every result in the store and compare it with its record; damaged ones are removed and made again when needed."""
    from builder.app.caches import repair_all
    from builder.cli.render.text import count
    from builder.core.errors import VerificationError

    with _session() as session:
        damaged = repair_all(session)
    if damaged:
        raise VerificationError(
            f"{count(len(damaged), 'damaged result')} removed from the store",
            details=[f"{one.step} ({one.key.short}): {one.what}" for one in damaged],
            hint="they are made again by the next build that needs them; if this happens often, look at the disk",
        )
    typer.echo("every result in the store is whole")


def _session() -> "Session":
    from builder.app.project import find_project
    from builder.app.session import Session, Settings

    return Session(find_project(os.environ), Settings())


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M")
