"""A command that runs beside the builder until it is ended."""

import os
import select
import threading
import weakref
from types import TracebackType
from typing import Self

from builder.io.command import Command, CommandError, EndReason
from builder.io.group import ProcessGroup
from builder.io.spawn import Runner
from builder.io.start import start

# Between SIGTERM and SIGKILL.
_GRACE_S = 2.0


class Background:
    """Runs `command` from its making until it ends by itself or is ended; as a context manager no later than the block.

    Its output goes to the runner's log. All its processes end with it, and with the builder, however that dies. May be
    used by several threads.
    """

    def __init__(self, runner: Runner, command: Command) -> None:
        runner.cancel.check()
        self._runner = runner
        self._started = start(command, runner.log, runner.leash.mark())
        self._leader = self._started.process.pid
        self._group = ProcessGroup(self._leader)
        self._descriptor = os.pidfd_open(self._leader)
        # Not when it was reaped: another thread may wait for it then.
        weakref.finalize(self, os.close, self._descriptor)
        self._return_code: int | None = None
        self._reaping = threading.Lock()
        runner.leash.hold(self._leader)

    @property
    def pid(self) -> int:
        """The leader's process id, of no meaning once it was reaped."""
        return self._leader

    def wait(self, timeout_s: float) -> int | None:
        """Its return code (negative for a signal), None while it runs after `timeout_s` seconds."""
        if self._return_code is None:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            if not poll.poll(timeout_s * 1000):
                return None
            self._reap()
        return self._return_code

    def end(self) -> None:
        """Ask it to end, and end it when it does not."""
        if self._return_code is None:
            self._group.end(_GRACE_S)
            self._reap()

    def kill(self) -> None:
        """End it at once, without a chance to do anything more."""
        if self._return_code is None:
            self._reap()

    def failure(self) -> CommandError:
        """What to raise when it has ended and should not have."""
        return self._started.failure(EndReason.EXIT, self._return_code or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _reap(self) -> None:
        with self._reaping:
            if self._return_code is not None:
                return
            # The leader is still unreaped here, so its id still names this session and no other.
            self._group.kill()
            self._runner.leash.release(self._leader)
            self._return_code = self._started.process.wait()
