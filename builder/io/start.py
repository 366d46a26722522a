"""Starting a program, and saying how it ended when it did not end well."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import NoReturn

from builder.core.errors import BuilderError, MissingToolError
from builder.io.command import Command, CommandError, CommandFailure, EndReason, command_line, environment
from builder.io.redact import Redactor

_LAST_LINES = 20
_LAST_BYTES = 64 << 10
_LONGEST_LINE = 500
# What is created by a command never depends on the user's umask.
_UMASK = 0o022


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A command that was started as the leader of a session; what it says goes to `log`, from the byte `log_start` on."""

    command: Command
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int

    def failure(self, reason: EndReason, return_code: int) -> CommandError:
        """What to raise when it has ended and should not have, or not so."""
        if reason is EndReason.EXIT and return_code < 0:
            reason = EndReason.SIGNAL
        redactor = Redactor.of(self.command.env, self.command.secret_env)
        brief, hint = _explain(self.command, reason, return_code)
        failure = CommandFailure(
            reason=reason,
            command_line=command_line(self.command),
            exit_status=return_code if return_code >= 0 else None,
            signal=-return_code if return_code < 0 else None,
            last_lines=tuple(redactor.redact(line) for line in _last_lines(self.log, self.log_start)),
            log=self.log,
        )
        return CommandError(brief, failure=failure, hint=hint)


def start(command: Command, log: Path, mark: int, *, stdin: int | None = None, stdout: int | None = None) -> Started:
    """Start `command` with its output in `log`; it inherits `mark`, the leash's descriptor.

    `stdin` and `stdout`, where given, take the place of the command's own input and of the log.
    """
    program = _find_program(command)
    source = _open_input(command)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(output, f"$ {command_line(command)}\n".encode(errors="surrogateescape"))
        log_start = os.fstat(output).st_size
        process = subprocess.Popen(
            list(command.argv),
            executable=program,
            env=environment(command),
            cwd=command.cwd,
            stdin=source if stdin is None else stdin,
            stdout=output if stdout is None else stdout,
            stderr=output,
            pass_fds=[mark],
            start_new_session=True,
            umask=_UMASK,
        )
    except OSError as error:
        _fail_to_start(command, error)
    finally:
        os.close(output)
        os.close(source)
    return Started(command=command, process=process, log=log, log_start=log_start)


def _explain(command: Command, reason: EndReason, return_code: int) -> tuple[str, str]:
    """Brief and hint for a command that did not end well."""
    name = command.program
    match reason:
        case EndReason.TIMEOUT:
            return f"{name} was ended: it was not done after {command.timeout_s:g} s", ""
        case EndReason.STALL:
            brief = f"{name} was ended: it neither read, wrote nor computed anything for {command.stall_s:g} s"
            return brief, "a server that it talks to may hang; look at the network and the proxy, then try again"
        case EndReason.SIGNAL:
            hint = "the kernel ends processes so when memory is short" if -return_code == Signals.SIGKILL else ""
            return f"{name} was ended by signal {_signal_name(-return_code)}", hint
        case EndReason.EXIT:
            return f"{name} failed with exit status {return_code}", ""


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return str(number)


def _find_program(command: Command) -> str:
    name = command.argv[0]
    if not command.cwd.is_dir():
        raise BuilderError(f"{name} cannot run in {command.cwd}: there is no such directory")
    if os.sep in name:
        found = str(command.cwd / name) if os.access(command.cwd / name, os.X_OK) else None
    else:
        found = shutil.which(name, path=command.env.get("PATH", ""))
    if found is None:
        where = "" if os.sep in name else f" in PATH={command.env.get('PATH', '')}"
        raise MissingToolError(f"the program {name} was not found{where}", details=[command_line(command)])
    return found


def _open_input(command: Command) -> int:
    path = Path(os.devnull) if command.stdin is None else command.stdin
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BuilderError(f"{command.argv[0]} is to read {path}: {error.strerror}") from error


def _fail_to_start(command: Command, error: OSError) -> NoReturn:
    name = command.argv[0]
    raise MissingToolError(
        f"the program {name} cannot be started: {error.strerror}", details=[command_line(command)]
    ) from error


def _last_lines(log: Path, start: int) -> list[str]:
    """The last lines that were written to `log` after the first `start` bytes."""
    with log.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(start, end - _LAST_BYTES))
        lines = stream.read().decode(errors="replace").splitlines()
    return [line[:_LONGEST_LINE] for line in lines[-_LAST_LINES:]]
