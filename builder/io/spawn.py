"""The one door through which the builder starts other programs."""

import os
import select
import shutil
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import Signals
from typing import NoReturn

from builder.core.errors import BuilderError, MissingToolError
from builder.io.cancel import CancelToken
from builder.io.command import (
    Command,
    CommandError,
    CommandFailure,
    Completed,
    EndReason,
    command_line,
    environment,
    redacted,
)
from builder.io.group import ProcessGroup
from builder.io.leash import Leash
from builder.io.redact import Redactor
from builder.io.usage import StallWatch, UsageMeter

__all__ = [
    "CancelToken",
    "Command",
    "CommandError",
    "CommandFailure",
    "Completed",
    "EndReason",
    "Runner",
    "command_line",
]

# Seconds between SIGTERM and SIGKILL. Ctrl-C has to end all children within two seconds.
_GRACE_S = 1.0
# Distance of two looks at a running command: short at first, so that short commands are measured too.
_FIRST_SAMPLE_S = 0.01
_SAMPLE_S = 0.2
_LAST_LINES = 20
_LAST_BYTES = 64 << 10
_LONGEST_LINE = 500
# What is created by a command never depends on the user's umask.
_UMASK = 0o022


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs the commands of one step.

    All output goes to `log`, whose directory must exist. Commands run in sessions of their own, held by `leash`; all
    their processes end with them, when `cancel` is set, or when the builder dies. `meter` adds up what they use.
    """

    log: Path
    cancel: CancelToken = field(default_factory=CancelToken)
    leash: Leash = field(default_factory=Leash)
    meter: UsageMeter = field(default_factory=UsageMeter)

    def run(self, command: Command) -> Completed:
        """Run `command` to its end, its output in the log.

        Raises:
            CommandError: it ended with another status than 0, by a signal, too late, or without progress.
            MissingToolError: there is no such program.
            InterruptedBuildError: the build was cancelled; the command's processes are gone.
        """
        return _Run(self, command).complete(stdout=None)

    def capture(self, command: Command) -> str:
        """Run `command` as `run` does and return its standard output; only its standard error goes to the log."""
        # A file in memory, not a pipe: nobody has to read it meanwhile, and no grandchild can hold it open.
        descriptor = os.memfd_create("stdout", os.MFD_CLOEXEC)
        with open(descriptor, "rb") as stream:  # noqa: PTH123 - it has no path
            try:
                _Run(self, command).complete(stdout=descriptor)
            except CommandError as error:
                stream.seek(0)
                error.failure = replace(error.failure, captured=redacted(command, stream.read()))
                raise
            stream.seek(0)
            return stream.read().decode(errors="replace")


class _Run:
    """One run of one command; lives in one thread."""

    def __init__(self, runner: Runner, command: Command) -> None:
        self._runner = runner
        self._command = command
        self._started_s = time.monotonic()
        self._log_start = 0
        self._peak_memory_bytes = 0
        self._cpu_s = 0.0

    def complete(self, *, stdout: int | None) -> Completed:
        self._runner.cancel.check()
        process = self._start(stdout)
        group = ProcessGroup(process.pid)
        reason = EndReason.EXIT
        try:
            self._runner.leash.hold(process.pid)
            reason = self._watch(process.pid, group)
        finally:
            # The leader is still unreaped here, so its id still names this session and no other.
            group.kill()
            self._runner.leash.release(process.pid)
            self._runner.meter.finish(process.pid)
            return_code = process.wait()
        if reason is not EndReason.EXIT or return_code != 0:
            self._fail(reason, return_code)
        return Completed(
            duration_s=time.monotonic() - self._started_s,
            peak_memory_bytes=self._peak_memory_bytes,
            cpu_s=self._cpu_s,
        )

    def _start(self, stdout: int | None) -> subprocess.Popen[bytes]:
        program = _find_program(self._command)
        stdin = _open_input(self._command)
        log = os.open(self._runner.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(log, f"$ {command_line(self._command)}\n".encode(errors="surrogateescape"))
            self._log_start = os.fstat(log).st_size
            process = subprocess.Popen(
                list(self._command.argv),
                executable=program,
                env=environment(self._command),
                cwd=self._command.cwd,
                stdin=stdin,
                stdout=log if stdout is None else stdout,
                stderr=log,
                pass_fds=[self._runner.leash.mark()],
                start_new_session=True,
                umask=_UMASK,
            )
        except OSError as error:
            _fail_to_start(self._command, error)
        finally:
            os.close(log)
            os.close(stdin)
        return process

    def _watch(self, leader: int, group: ProcessGroup) -> EndReason:
        """Wait for the leader's end or end it; the leader stays unreaped."""
        pause_s = _FIRST_SAMPLE_S
        watch = StallWatch(time.monotonic())
        descriptor = os.pidfd_open(leader)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            while not poll.poll(pause_s * 1000):
                pause_s = min(2 * pause_s, _SAMPLE_S)
                if self._runner.cancel.is_set():
                    group.end(_GRACE_S)
                    self._runner.cancel.check()
                reason = self._sample(leader, group, watch)
                if reason is not None:
                    group.end(_GRACE_S)
                    return reason
        finally:
            os.close(descriptor)
        return EndReason.EXIT

    def _sample(self, leader: int, group: ProcessGroup, watch: StallWatch) -> EndReason | None:
        now_s = time.monotonic()
        members = group.members()
        usage = self._runner.meter.sample(leader, members)
        self._peak_memory_bytes = max(self._peak_memory_bytes, usage.peak_memory_bytes)
        self._cpu_s = usage.cpu_s
        if self._command.timeout_s is not None and now_s - self._started_s > self._command.timeout_s:
            return EndReason.TIMEOUT
        if self._command.stall_s is not None and watch.idle_s(now_s, members) > self._command.stall_s:
            return EndReason.STALL
        return None

    def _fail(self, reason: EndReason, return_code: int) -> NoReturn:
        if reason is EndReason.EXIT and return_code < 0:
            reason = EndReason.SIGNAL
        redactor = Redactor.of(self._command.env, self._command.secret_env)
        brief, hint = _explain(self._command, reason, return_code)
        failure = CommandFailure(
            reason=reason,
            command_line=command_line(self._command),
            exit_status=return_code if return_code >= 0 else None,
            signal=-return_code if return_code < 0 else None,
            last_lines=tuple(redactor.redact(line) for line in _last_lines(self._runner.log, self._log_start)),
            log=self._runner.log,
        )
        raise CommandError(brief, failure=failure, hint=hint)


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
