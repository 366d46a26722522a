"""A running machine: QEMU out of the tree of tools, its monitor and its console, and its end whatever happens."""

import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from builder.core.errors import BuilderError
from builder.io.background import Background
from builder.io.sockets import connect_unix
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree
from builder.vm.arguments import CONSOLE, MONITOR, VARIABLES, arguments
from builder.vm.console import Console, ConsoleError
from builder.vm.monitor import Monitor, MonitorError
from builder.vm.setup import Setup

# QEMU opens its sockets before it does anything that takes long.
_START_S = 30.0
_POLL_S = 0.02
_LOOK_S = 0.2
_END_S = 10.0
# Between the end of a conversation with QEMU and that of QEMU itself.
_GIVE_UP_S = 1.0
TRANSCRIPT = "console.log"


def ignore_output(_: bytes) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where a machine runs: `directory` is its own, `tools` the tree with QEMU.

    QEMU's messages go to the runner's log, what the console says into `console.log` beside it.
    """

    directory: Path
    tools: ToolsTree
    runner: Runner


class Machine:
    """A machine that runs from its making on, and that ends with its block.

    `CommandError` where QEMU does not start: with what it says. `listen` gets what the console says, in a thread of its own.
    """

    def __init__(self, setup: Setup, bench: Bench, *, listen: Callable[[bytes], None] = ignore_output) -> None:
        self.setup = setup
        self.directory = bench.directory
        self._runner = bench.runner
        self._variables(bench.tools)
        command = bench.tools.command(
            setup.type.emulator, *arguments(setup, bench.tools.root), cwd=bench.directory, env=_environment(bench)
        )
        self._process = Background(bench.runner, command)
        try:
            deadline_s = time.monotonic() + _START_S
            with ExitStack() as unless_running:
                self.monitor = Monitor(self._connect(MONITOR, deadline_s))
                unless_running.callback(self.monitor.close)
                line = self._connect(CONSOLE, deadline_s)
                self.console = Console(line, bench.runner.log.with_name(TRANSCRIPT), bench.runner.cancel, listen)
                self.monitor.execute("cont")
                unless_running.pop_all()
        except MonitorError as error:
            if self._process.wait(_GIVE_UP_S):
                raise self._process.failure() from error
            self._process.kill()
            raise
        except BaseException:
            self._process.kill()
            raise

    def expect(self, pattern: str, timeout_s: float) -> re.Match[str]:
        """See `Console.expect`; where QEMU itself failed, that is told."""
        try:
            return self.console.expect(pattern, timeout_s)
        except ConsoleError:
            if self._process.wait(0):
                raise self._process.failure() from None
            raise

    def wait(self, timeout_s: float) -> bool:
        """Whether the machine was turned off by its guest within `timeout_s` seconds; `CommandError` where QEMU failed."""
        deadline_s = time.monotonic() + timeout_s
        while (code := self._process.wait(_LOOK_S)) is None:
            self._runner.cancel.check()
            if time.monotonic() > deadline_s:
                return False
        if code:
            raise self._process.failure()
        return True

    def press_power(self) -> None:
        """Press the button that asks a system to turn itself off."""
        self.monitor.execute("system_powerdown")

    def reset(self) -> None:
        """Press the reset button."""
        self.monitor.execute("system_reset")

    def cut_power(self) -> None:
        """End everything at once: what the guest has not flushed stays where this machine's kernel has it.

        For what a disk would have lost see `builder.vm.writelog`.
        """
        self._process.kill()
        self.console.join()

    def save(self, name: str) -> None:
        """Keep all of the machine as it is now, in its disk, which must be qcow2; it goes on."""
        self._command(f"savevm {name}")

    def restore(self, name: str) -> None:
        """Make the machine what it was when it was saved as `name`; it goes on from there."""
        self._command(f"loadvm {name}")

    def screenshot(self, path: Path) -> None:
        """Write what the screen shows to `path`, as PNG."""
        self.monitor.execute("screendump", {"filename": str(path.absolute()), "format": "png"})

    @property
    def is_running(self) -> bool:
        """Whether QEMU runs."""
        return self._process.wait(0) is None

    def failure(self) -> BuilderError | None:
        """Why QEMU has ended, where it should not have; None while it runs, or where its guest or somebody here ended it."""
        code = self._process.wait(0)
        return self._process.failure() if code else None

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.wait(0) is None:
            with suppress(BuilderError):
                # Closes disks properly, which a signal does too, but is told apart from one.
                self.monitor.execute("quit")
                self._process.wait(_END_S)
        self._process.end()
        self.monitor.close()
        self.console.close()

    def _command(self, line: str) -> None:
        """Run a command of QEMU's monitor for people, which says nothing unless it fails."""
        if said := self.monitor.execute("human-monitor-command", {"command-line": line}):
            raise MonitorError(f"QEMU refuses '{line}': {str(said).strip()}")

    def _variables(self, tools: ToolsTree) -> None:
        """UEFI's variables, empty at first; what an earlier run has left is used as it is."""
        target = self.directory / VARIABLES
        if self.setup.type.uefi and not target.exists():
            empty = tools.root / self.setup.type.uefi.variables
            self._runner.run(tools.command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", empty, target))

    def _connect(self, name: str, deadline_s: float) -> socket.socket:
        while True:
            try:
                return connect_unix(self.directory, name)
            except OSError as error:
                if self._process.wait(0) is not None:
                    raise self._process.failure() from None
                if time.monotonic() > deadline_s:
                    message = f"QEMU has not opened its {name} within {_START_S:g} s"
                    raise BuilderError(message, details=[f"its messages: {self._runner.log}"]) from error
                time.sleep(_POLL_S)


def _environment(bench: Bench) -> dict[str, str]:
    return {"TMPDIR": str(bench.directory)}
