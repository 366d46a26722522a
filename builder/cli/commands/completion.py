"""`builder completion`: scripts that let a shell complete commands and options."""

from enum import StrEnum
from typing import Annotated

import typer

# Set by the scripts: the builder then prints completions instead of running. Its name follows from that of the program.
COMPLETE_VARIABLE = "_BUILDER_COMPLETE"


class Shell(StrEnum):
    """A shell that completion scripts are there for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog='Example: eval "$(./builderw completion bash)"')(completion)


def completion(shell: Annotated[Shell, typer.Argument(help="The shell to complete in.")]) -> None:
    """Print a script that completes commands and options of builderw."""
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="builderw", complete_var=COMPLETE_VARIABLE, shell=shell))
