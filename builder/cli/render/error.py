"""An error that ends a command."""

from builder.cli.render.text import clean
from builder.core.errors import BuilderError


def render_error(error: BuilderError) -> str:
    """`error` for people, ending in a newline: brief, details, the command to replay, the log, the hint.

    A command stands on a line of its own without indentation, so that it can be copied whole.
    """
    lines = [f"error: {clean(error.brief)}"]
    lines += [f"  {line}" for detail in error.details for line in clean(detail).splitlines() or [""]]
    command, log = _command_of(error)
    if command:
        lines += ["to run it again by hand:", clean(command)]
    if log:
        lines.append(f"log: {log}")
    if error.hint:
        first, *others = clean(error.hint).splitlines()
        lines += [f"hint: {first}", *(f"      {line}" for line in others)]
    return "\n".join(lines) + "\n"


def _command_of(error: BuilderError) -> tuple[str, str]:
    """The command line and the log of a failed command, both empty for other errors."""
    from builder.io.spawn import CommandError  # noqa: PLC0415 - most commands end without an error

    if isinstance(error, CommandError):
        return error.failure.command_line, str(error.failure.log)
    return "", ""
