"""`builder audit`: vulnerabilities of what was released, by databases that the user has."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from builder.cli.options import JsonOption, SetOption


class Threshold(StrEnum):
    """From which severity on the command fails."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    NEVER = "never"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: builder audit out/edge/releases/1.4.0 --database Go.zip --database debian.json")(audit)


def audit(  # noqa: PLR0913 - one parameter per option
    release: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a release, or its sbom.cdx.json.")],
    *,
    database: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE",
            help="OSV's export (zip, directory or JSON) or the JSON of Debian's security tracker; may be repeated.",
        ),
    ],
    vex: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Statements in OpenVEX's form. Default: recipes/vex/*.json in the checkout."),
    ] = None,
    fail_on: Annotated[
        Threshold,
        typer.Option(
            help="Severity from which on the command ends with exit code 4; what nobody judged counts as high."
        ),
    ] = Threshold.HIGH,
    every: Annotated[
        bool, typer.Option("--all", help="Also what statements say that nothing is to be done about.")
    ] = False,
    recipe: Annotated[str, typer.Option("--recipe", help="Recipe that made the release.")] = "edge",
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for known vulnerabilities in a release, offline: how bad, where it is fixed, and which line to change."""
    from builder.advisories.model import Severity
    from builder.app.audit import BILL, audit_bill, audit_text, findings_json, vex_files, worst_open
    from builder.app.project import find_project
    from builder.cli.render.text import count
    from builder.core.errors import VerificationError
    from builder.recipe.load import load_recipe

    project = find_project(os.environ)
    bill = release / BILL if release.is_dir() else release
    statements = vex_files(project.root) if vex is None else vex
    findings = audit_bill(bill, database, statements, load_recipe(project.recipe_path(recipe), overrides or ()))
    if as_json:
        typer.echo(json.dumps(findings_json(findings), indent=2))
    else:
        typer.echo("".join(f"{line}\n" for line in audit_text(findings, with_closed=every)), nl=False)
    still_open = [one for one in findings if one.is_open]
    settled = f"{len(findings) - len(still_open)} settled by statements"
    told = f"{count(len(still_open), 'finding')} to look at, {settled}"
    if fail_on is not Threshold.NEVER and still_open and worst_open(findings) >= Severity[fail_on.name]:
        raise VerificationError(
            told,
            hint="raise what is named above; what does not matter here is said in recipes/vex (docs/guides/releases.md)",
        )
    typer.echo(told, err=True)
