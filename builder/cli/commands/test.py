"""`builder test`: scenarios, each with a lab of its own."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.cli.live import live_session
from builder.cli.options import EmulateOption, OutOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.lab.result import ScenarioResult


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "test", epilog="Examples: builder test; builder test --tag quick; builder test my/uplink.yaml --results results"
    )(run_scenarios)


def _scenarios(incomplete: str) -> list[str]:
    from builder.app.project import find_project

    known = sorted(path.stem for path in (find_project(os.environ).root / "recipes" / "scenarios").glob("*.yaml"))
    return [name for name in known if name.startswith(incomplete)]


def run_scenarios(  # noqa: PLR0913 - one parameter per option
    scenario: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SCENARIO...]",
            help="Names in recipes/scenarios, or paths of .yaml files. Default: all in recipes/scenarios.",
            autocompletion=_scenarios,
        ),
    ] = None,
    *,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag; may be repeated.")
    ] = None,
    out: OutOption = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="DIR", help="Where reports and transcripts go. Default: out/test."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, help="At most so many at once. Default: what cores and memory allow."
        ),
    ] = None,
    emulate: EmulateOption = False,
    check: Annotated[bool, typer.Option("--check", help="Read the scenarios, and run nothing.")] = False,
) -> None:
    """Run scenarios in labs of their own; writes JUnit XML, JSON, transcripts and a page with timelines."""
    from builder.app.project import find_project
    from builder.app.scenarios.find import find_plays

    root = find_project(os.environ).root
    plays = find_plays(scenario or [], root / "recipes" / "scenarios", tag or [])
    if check:
        for play in plays:
            typer.echo(
                f"{play.written.name}: {len(play.written.value.steps)} steps, tags: {', '.join(play.written.value.tags)}"
            )
        return
    from builder.app.scenarios.perform import Performer
    from builder.app.scenarios.reports import write_reports
    from builder.app.scenarios.together import perform_together
    from builder.app.session import Settings
    from builder.cli.commands.cluster import now
    from builder.io.machine import free_resources

    place = results or root / "out" / "test"
    done: list[ScenarioResult] = []
    with live_session(Settings(), quiet=True, events=None) as session:
        performer = Performer(
            session=session,
            out=out or root / "out",
            results=place,
            tell=lambda text: typer.echo(text, err=True),
            now=now,
            emulate=emulate,
        )
        for result in perform_together(performer, plays, free_resources(), jobs or len(plays)):
            done.append(result)
            write_reports(done, place)
    _tell(done, place)


def _tell(done: "Sequence[ScenarioResult]", place: Path) -> None:
    """One line for each scenario; `VerificationError` where one failed."""
    from builder.core.errors import VerificationError
    from builder.lab.report.html import format_duration
    from builder.lab.result import failure_lines

    for result in done:
        typer.echo(f"{'passed' if result.is_good else 'FAILED'}  {result.name}  {format_duration(result.took_s)}")
    bad = [result for result in done if not result.is_good]
    if bad:
        details = []
        for result in bad:
            details.append(f"{result.file}:")
            details += [f"  {line}" for line in result.error.splitlines()]
            details += [f"  {line}" for step in result.steps for line in failure_lines(step)]
        raise VerificationError(
            f"{len(bad)} of {len(done)} scenarios failed", details=details, hint=f"all of it: {place}/timeline.html"
        )
