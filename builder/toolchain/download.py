"""`go mod download -json`: what it brought, and in the proxy's words what it could not bring."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from builder.formats.json_stream import json_stream
from builder.io.spawn import Command, CommandError, Runner

_MOST_REFUSALS = 10


def download_modules(runner: Runner, command: Command) -> list[Mapping[str, Any]]:
    """Run `command`, a `go mod download -json`: one object for each module.

    The Go command writes what went wrong into that answer and says nothing elsewhere: here it becomes the error's details.
    """
    try:
        return list(json_stream(runner.capture(command)))
    except CommandError as error:
        refusals = list(_refusals(error.failure.captured))
        if not refusals:
            raise
        number = "a Go module" if len(refusals) == 1 else f"{len(refusals)} Go modules"
        told = refusals[:_MOST_REFUSALS]
        if len(refusals) > len(told):
            told.append(f"and {len(refusals) - len(told)} more")
        failure = replace(error.failure, last_lines=(*error.failure.last_lines, *told))
        raise CommandError(f"{number} cannot be had: {error.brief}", failure=failure, hint=error.hint) from error


def _refusals(answer: str) -> Iterator[str]:
    try:
        for module in json_stream(answer):
            if module.get("Error"):
                yield str(module["Error"])
    except ValueError:
        return  # ended in the middle of its answer
