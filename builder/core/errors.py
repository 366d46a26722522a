"""Errors that are meant for people.

Every expected failure is a `BuilderError`: what went wrong (`brief`), everything that helps to understand it (`details`),
and what to do next (`hint`). The class decides the exit code of the command line.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the command line; part of its stable interface."""

    OK = 0
    BUILD_FAILED = 1
    USAGE = 2
    MISSING_TOOL = 3
    VERIFICATION_FAILED = 4
    INTERRUPTED = 130


class BuilderError(Exception):
    """An expected failure; raised as is when building something failed."""

    exit_code: ExitCode = ExitCode.BUILD_FAILED
    # Whether events have told all of it already, so that nothing is left to say at the end.
    told_by_events: ClassVar[bool] = False

    def __init__(self, brief: str, *, details: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(brief)
        self.brief = brief
        self.details = tuple(details)
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.brief, *(f"  {line}" for line in self.details)]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class RecipeError(BuilderError):
    """The recipe, the lock or the command line is wrong. `details` holds one `file:line:column: message` per mistake."""

    exit_code = ExitCode.USAGE


class MissingToolError(BuilderError):
    """This machine lacks something that the work needs; the hint says how to get it."""

    exit_code = ExitCode.MISSING_TOOL


class VerificationError(BuilderError):
    """Bytes are not what they must be: a digest, a signature, a reproduced build."""

    exit_code = ExitCode.VERIFICATION_FAILED


class InterruptedBuildError(BuilderError):
    """The user (or a signal) ended the work; every child process has been ended too."""

    exit_code = ExitCode.INTERRUPTED
