"""Starts components as processes of their own and ends them by process id, whatever happens."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

STOP_TIMEOUT_S = 20
DRAIN_S = 0.5  # between two SIGTERM, which would else become one
START_TIMEOUT_S = 90
POLL_S = 0.05
LAST_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running component and the file that collects its output."""

    name: str
    argv: Sequence[str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def report(self, problem: str) -> str:
        """The problem with all that is needed to understand it."""
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"{self.name}: {problem}", f"command: {' '.join(self.argv)}", *lines])


@contextmanager
def running(
    argv: Sequence[str],
    *,
    name: str,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    terminations: int = 1,
) -> Iterator[Daemon]:
    """Run a component inside `directory` as long as the context is open.

    It gets a process group of its own: Ctrl-C in a terminal then reaches pytest alone, which ends all daemons in order.
    `terminations` is how many SIGTERM it takes as the wish that it end.
    """
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=clean_environment(environment or {}),
            process_group=0,
        )
    try:
        yield Daemon(name=name, argv=argv, process=process, log=log)
    finally:
        _stop(process, terminations)


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the caller but the search path: a proxy or a KUBECONFIG would change what is tested."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **extra}


def wait_for(
    daemon: Daemon, ready: Callable[[], bool], *, what: str, timeout_s: float = START_TIMEOUT_S, poll_s: float = POLL_S
) -> None:
    """Wait until `ready`; fails at once when the daemon has ended."""
    give_up_s = time.monotonic() + timeout_s
    while not ready():
        if not daemon.alive:
            raise AssertionError(daemon.report(f"ended with {daemon.process.returncode} before it was {what}"))
        if time.monotonic() > give_up_s:
            raise AssertionError(daemon.report(f"was not {what} after {timeout_s} s"))
        time.sleep(poll_s)


def _stop(process: subprocess.Popen[bytes], terminations: int) -> None:
    """Ask the whole process group to end, in the end make it; collect the exit status."""
    for patience_s in (*[DRAIN_S] * (terminations - 1), STOP_TIMEOUT_S):
        if _ended(process, signal.SIGTERM, patience_s):
            return
    _ended(process, signal.SIGKILL, STOP_TIMEOUT_S)


def _ended(process: subprocess.Popen[bytes], request: signal.Signals, patience_s: float) -> bool:
    """Signal the group, unless its leader is reaped already: the number may then be another's."""
    if process.poll() is None:
        os.killpg(process.pid, request)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience_s)
    return process.returncode is not None
