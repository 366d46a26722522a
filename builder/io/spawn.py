"""The one door through which the builder starts other programs."""

import os
import select
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from builder.io.cancel import CancelToken
from builder.io.command import (
    Command,
    CommandError,
    CommandFailure,
    Completed,
    EndReason,
    command_line,
    redacted,
)
from builder.io.feed import Feed, feeding
from builder.io.group import ProcessGroup
from builder.io.leash import Leash
from builder.io.start import start
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

    def run(self, command: Command, *, feed: Feed | None = None) -> Completed:
        """Run `command` to its end, its output in the log; its standard input is what `feed` writes, where given.

        Raises:
            Exception: what `feed` raised, whatever the command made of half its input.
            CommandError: it ended with another status than 0, by a signal, too late, or without progress.
            MissingToolError: there is no such program.
            InterruptedBuildError: the build was cancelled; the command's processes are gone.
        """
        if feed is None:
            return _Run(self, command).complete()
        with feeding(feed) as incoming:
            return _Run(self, command).complete(stdin=incoming)

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
        self._peak_memory_bytes = 0
        self._cpu_s = 0.0

    def complete(self, *, stdin: int | None = None, stdout: int | None = None) -> Completed:
        self._runner.cancel.check()
        started = start(self._command, self._runner.log, self._runner.leash.mark(), stdin=stdin, stdout=stdout)
        process = started.process
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
            raise started.failure(reason, return_code)
        return Completed(
            duration_s=time.monotonic() - self._started_s,
            peak_memory_bytes=self._peak_memory_bytes,
            cpu_s=self._cpu_s,
        )

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
