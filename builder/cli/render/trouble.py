"""Warnings and failures as plain lines."""

from builder.cli.render.layout import plain_texts
from builder.cli.render.messages import failure_lines, warning_lines
from builder.cli.render.symbols import WORDS
from builder.core.events import StepFailed, Warned


def warning_texts(event: Warned) -> list[str]:
    """The lines of a warning."""
    return plain_texts(warning_lines(event))


def failure_texts(event: StepFailed, *, took_s: float | None) -> list[str]:
    """The lines of a step that failed after `took_s` seconds."""
    return plain_texts(failure_lines(event, took_s=took_s, symbols=WORDS))
