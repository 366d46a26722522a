"""A lab's status that stays on the terminal and changes, until all nodes are Ready or somebody presses Ctrl-C."""

import os
import sys
import time
from typing import TYPE_CHECKING

from builder.cli.render.lab import lab_table
from builder.cli.render.mode import Mode, RenderFlags, choose_mode
from builder.cli.render.symbols import choose_symbols
from builder.core.errors import VerificationError

if TYPE_CHECKING:
    from builder.lab.client import LabClient
    from builder.lab.status import LabStatus

_LOOK_S = 1.0


def is_live() -> bool:
    """Whether standard output is a terminal on which lines can change."""
    return choose_mode(sys.stdout, os.environ, RenderFlags()) is Mode.TERMINAL


def table(status: "LabStatus") -> str:
    """`status` for standard output."""
    return lab_table(status, choose_symbols(sys.stdout.encoding or "utf-8", os.environ))


def follow(client: "LabClient", *, timeout_s: float | None) -> "LabStatus":
    """Show the lab until it is ready; `VerificationError` where it is not within `timeout_s`, or cannot become so."""
    deadline_s = time.monotonic() + timeout_s if timeout_s else None
    shown = _Shown()
    try:
        while True:
            status = client.status()
            shown.show(status)
            if status.is_ready:
                return status
            _check(status, deadline_s)
            time.sleep(_LOOK_S)
    finally:
        shown.close()


def _check(status: "LabStatus", deadline_s: float | None) -> None:
    hopeless = [f"{one.name}: {one.trouble or one.failure}" for one in status.machines if one.trouble or one.failure]
    if hopeless:
        raise VerificationError(
            f"the lab {status.name} does not become ready", details=hopeless, hint="builder lab logs MACHINE"
        )
    if deadline_s is not None and time.monotonic() > deadline_s:
        waiting = [f"{one.name}: {one.stage.value if one.stage else 'silent'}" for one in status.machines if one.role]
        raise VerificationError(
            f"the lab {status.name} was not ready in time", details=waiting, hint="builder lab logs MACHINE"
        )


class _Shown:
    """The status as it is shown: lines that change on a terminal, elsewhere a line for each stage that was reached."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int, str]] = set()
        self._live = None
        if is_live():
            from rich.live import Live  # noqa: PLC0415 - takes long to import

            self._live = Live(auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._live.start()

    def show(self, status: "LabStatus") -> None:
        """Show `status` in the place of the last one."""
        if self._live:
            from rich.text import Text  # noqa: PLC0415 - as above

            self._live.update(Text(table(status), no_wrap=True), refresh=True)
            return
        for boot in status.boots:
            for stage, at_s in sorted(boot.stages.items(), key=lambda one: one[1]):
                key = (boot.machine, boot.number, stage.value)
                if key not in self._told:
                    self._told.add(key)
                    sys.stdout.write(f"[{at_s:6.1f}s] {boot.machine}: {stage.value}\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Leave the last lines where they are."""
        if self._live:
            self._live.stop()
