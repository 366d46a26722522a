"""Options that several commands share, so that they are called and explained alike."""

from pathlib import Path
from typing import Annotated

import typer

from builder.core.arch import Arch
from builder.core.output import Output

RecipeArgument = Annotated[
    str, typer.Argument(metavar="[RECIPE]", help="Name of a recipe in recipes/, or the path of a .yaml file.")
]
ArchOption = Annotated[
    list[Arch] | None,
    typer.Option("--arch", help="Only this architecture; may be repeated. Default: all that the recipe names."),
]
TargetOption = Annotated[
    list[Output] | None,
    typer.Option("--target", help="Only this output; may be repeated. Default: all that the recipe names."),
]
BoardOption = Annotated[
    list[str] | None,
    typer.Option("--board", metavar="NAME", help="Only the image for this board; may be repeated."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe; may be repeated."),
]
LockOption = Annotated[
    Path | None, typer.Option("--lock", help="The lock file. Default: beside the recipe, with the suffix .lock.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Output directory. Default: out/ in the checkout.")]
# A transfer on a bad line pauses for many seconds; one that hangs should not hold up a build for many minutes.
STALL_S = 120.0
OfflineOption = Annotated[bool, typer.Option("--offline", help="Use nothing but the cache; open no connection.")]
FromOption = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="DIR",
        help="Fetch from this directory alone, which 'builder vendor' has filled; use no network.",
    ),
]
StallOption = Annotated[
    float,
    typer.Option(
        "--network-timeout", metavar="SECONDS", min=1.0, help="End a transfer that has not moved for this long."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and failures.")]
EventsOption = Annotated[
    str | None,
    typer.Option("--events", metavar="json", help="Write events as JSON lines to stdout (docs/reference/events.md)."),
]
