"""The entry point of the command line."""

import gc
import os
import sys
import traceback
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
from builder.cli.render.error import render_error
from builder.core.errors import BuilderError, ExitCode
from builder.version import VERSION

# Nodes of trees and steps of plans live until the end and hardly ever form cycles. Python looks for these whenever 700 objects
# came into being, which took a fifth of the time of a root file system.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000

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
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    debug = "--debug" in invocation.arguments
    if completion.COMPLETE_VARIABLE in os.environ:
        from typer._completion_classes import completion_init  # noqa: PLC0415 - only shells that complete need it

        completion_init()
    try:
        app(invocation.arguments, prog_name="builder", obj=invocation)
    except BuilderError as error:
        return _failed(error, error.exit_code, debug=debug)
    except Exception as error:
        unexpected = BuilderError(
            f"unexpected {type(error).__name__}: {error}", hint="this is a defect; run again with --debug and report it"
        )
        return _failed(unexpected, ExitCode.BUILD_FAILED, debug=debug)
    return ExitCode.OK


def _failed(error: BuilderError, code: ExitCode, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    if not error.told_by_events:
        sys.stderr.write(render_error(error))
    return code
