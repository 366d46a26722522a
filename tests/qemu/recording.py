"""Records commands and what they say, line by line with its time, in asciinema's format (asciicast, version 2)."""

import json
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_COLUMNS, _ROWS = 120, 30
# Whoever looks need not wait for what takes minutes; the times beside the lines say how long it was.
_IDLE_S = 2


@dataclass(slots=True, kw_only=True)
class Recording:
    """Commands run one after the other in `cwd`, and everything that was to be seen meanwhile."""

    cwd: Path
    environment: dict[str, str]
    _events: list[tuple[float, str]] = field(default_factory=list)
    _began_s: float = field(default_factory=time.monotonic)

    def run(self, shown: str, argv: Sequence[str]) -> str:
        """Run `argv` until its end, shown as the command `shown`; what it said. `CalledProcessError` where it fails."""
        self._see(f"$ {shown}")
        said = []
        with subprocess.Popen(
            argv, cwd=self.cwd, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        ) as process:  # fmt: skip
            for line in process.stdout or ():
                said.append(line)
                self._see(line.rstrip("\n"))
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, shlex.join(argv), output="".join(said))
        return "".join(said)

    def _see(self, line: str) -> None:
        self._events.append((time.monotonic() - self._began_s, line))

    def cast(self, title: str) -> str:
        """All of it as an asciicast."""
        header: dict[str, Any] = {
            "version": 2, "width": _COLUMNS, "height": _ROWS, "idle_time_limit": _IDLE_S, "title": title,
        }  # fmt: skip
        lines = [json.dumps(header)]
        lines += [json.dumps([round(at_s, 3), "o", f"{line}\r\n"]) for at_s, line in self._events]
        return "\n".join([*lines, ""])
