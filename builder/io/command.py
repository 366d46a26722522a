"""What a command is, how it is shown, and how it can fail."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.redact import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run: its arguments, its whole environment, its directory.

    Nothing of the builder's own environment is inherited; `LC_ALL=C.UTF-8` is added. A program without a slash in its
    name is looked for in `env["PATH"]`. Its standard input is the file `stdin`, or empty. `timeout_s` bounds the whole run,
    `stall_s` the time without any progress. The values of the variables named in `secret_env` are never shown.
    `name` is what messages call it where that is not the first word's last part.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    stdin: Path | None = None
    timeout_s: float | None = None
    stall_s: float | None = None
    secret_env: frozenset[str] = frozenset()
    name: str = ""

    @property
    def program(self) -> str:
        """What messages call it."""
        return self.name or Path(self.argv[0]).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A command that ended well. Memory and processor time as `UsageMeter` counts them, of this command alone."""

    duration_s: float
    peak_memory_bytes: int
    cpu_s: float


class EndReason(StrEnum):
    """Why a command did not end well."""

    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    STALL = "stall"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFailure:
    """How a command failed.

    `command_line` can be pasted into a shell. `exit_status` or `signal` says how the program ended, the other is None.
    `last_lines` is the end of its output (of its standard error, where the output was captured), `log` all of it.
    `captured` is what it wrote to a standard output that was captured.
    """

    reason: EndReason
    command_line: str
    exit_status: int | None
    signal: int | None
    last_lines: Sequence[str]
    log: Path
    captured: str = ""


class CommandError(BuilderError):
    """A command failed; `failure` says how."""

    def __init__(self, brief: str, *, failure: CommandFailure, hint: str = "") -> None:
        super().__init__(brief, details=failure.last_lines, hint=hint)
        self.failure = failure

    def __str__(self) -> str:
        return f"{super().__str__()}\ncommand: {self.failure.command_line}\nlog: {self.failure.log}"


def command_line(command: Command) -> str:
    """`command` ready to paste into a shell; secret variables are taken from the shell's own environment."""
    words = ["cd", shlex.quote(str(command.cwd)), "&&", "env", "-i"]
    for name, value in sorted(environment(command).items()):
        words.append(f'{name}="${name}"' if name in command.secret_env else shlex.quote(f"{name}={value}"))
    words += map(shlex.quote, command.argv)
    if command.stdin is not None:
        words += ["<", shlex.quote(str(command.stdin))]
    return Redactor.of(command.env, command.secret_env).redact(" ".join(words))


def redacted(command: Command, output: bytes) -> str:
    """`output` of `command` as text without its secrets."""
    return Redactor.of(command.env, command.secret_env).redact(output.decode(errors="replace"))


def environment(command: Command) -> dict[str, str]:
    """The whole environment that `command` runs with."""
    return {"LC_ALL": "C.UTF-8", **command.env}
