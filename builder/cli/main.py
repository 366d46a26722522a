"""The entry point of the command line."""

import os
from typing import Annotated

import typer

from builder.app.invocation import Invocation
from builder.cli.commands import (
    airgap,
    audit,
    build,
    cache,
    cluster,
    completion,
    doctor,
    flash,
    lab,
    lock,
    provision,
    recipe,
    release,
    rootfs,
    run,
    test,
    tool,
    vendor,
)
from builder.cli.outcome import run_to_end
from builder.version import VERSION

app = typer.Typer(
    name="builder",
    help="Recipes in; reproducible Kubernetes executables for edge devices out.",
    epilog="Start with: builder make --arch armv7",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"builder {VERSION}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the builder's version.", is_eager=True, callback=_print_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of unexpected and expected errors.")] = False,
) -> None:
    """Take the options that stand before the command."""


for commands in (
    build,
    run,
    lab,
    test,
    flash,
    provision,
    recipe,
    lock,
    vendor,
    rootfs,
    airgap,
    cluster,
    release,
    audit,
    cache,
    tool,
    doctor,
    completion,
):
    commands.register(app)


def main(invocation: Invocation) -> int:
    """Run the command line; returns the exit code, `SystemExit` carries it for usage errors."""
    if completion.COMPLETE_VARIABLE in os.environ:
        from typer._completion_classes import completion_init  # noqa: PLC0415 - only shells that complete need it

        completion_init()
    return run_to_end(
        lambda: app(invocation.arguments, prog_name="builder", obj=invocation), debug="--debug" in invocation.arguments
    )
