"""`builder doctor`: what this machine can and cannot do."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
