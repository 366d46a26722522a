"""Options that several commands share, so that they are called and explained alike."""

from pathlib import Path
from typing import Annotated

import typer

from builder.core.arch import Arch
from builder.core.executor import Executor
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
EmulateOption = Annotated[bool, typer.Option("--emulate", help="Emulate even where KVM works.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and failures.")]
EventsOption = Annotated[
    str | None,
    typer.Option("--events", metavar="json", help="Write events as JSON lines to stdout (docs/reference/events.md)."),
]
CacheFromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--cache-from",
        metavar="PLACE",
        help="Take results of steps from here: a directory, or oci://HOST/REPOSITORY; may be repeated.",
    ),
]
CacheToOption = Annotated[
    list[str] | None,
    typer.Option("--cache-to", metavar="PLACE", help="Give results of steps to this place; may be repeated."),
]
CacheTrustOption = Annotated[
    Path | None,
    typer.Option("--cache-public-key", help="Take only results that this public key of minisign's has signed."),
]
CacheKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--cache-key", help="Secret key of minisign's, without a password, that signs results given to others."
    ),
]
ExecutorOption = Annotated[
    Executor,
    typer.Option(
        "--executor", help="What builds: this machine itself, or a container of its Docker daemon; to the same bytes."
    ),
]
ExecutorImageOption = Annotated[
    str | None,
    typer.Option(
        "--executor-image",
        metavar="IMAGE",
        help="Image that the Docker executor builds in, NAME@sha256:... or sha256:...  Default: made from recipes/executor.yaml.",
    ),
]
JUnitOption = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Write a JUnit report, each step a test, however the build ends."),
]
