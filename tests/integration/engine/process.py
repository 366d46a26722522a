"""The toy builder as a process of its own, and what lives on the machine."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
GIVE_UP_S = 60.0


def wait_until(condition: Callable[[], bool], what: str, *, give_up_s: float = GIVE_UP_S) -> float:
    """Wait for `condition`; the seconds it took."""
    started_s = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - started_s
        if waited_s > give_up_s:
            message = f"gave up after {waited_s:.1f} s: {what}"
            raise AssertionError(message)
        time.sleep(0.02)
    return time.monotonic() - started_s


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def pids_in(directory: Path) -> list[int]:
    """The process ids that scripts have written to files `*.pid`."""
    found = [path.read_text().strip() for path in directory.glob("*.pid")]
    return [int(text) for text in found if text]


@dataclass(kw_only=True)
class ToyProcess:
    """One run of the toy builder; `start` may be called again for another run."""

    cache: Path
    lines: list[Mapping[str, Any]] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None

    def start(self, spec: Sequence[Mapping[str, Any]]) -> "ToyProcess":
        self.end()
        self.lines = []
        file = self.cache.parent / f"spec-{id(self)}.json"
        file.write_text(json.dumps(spec))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.engine.toy", str(self.cache), str(file)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def wait(self) -> int:
        """The exit code."""
        assert self._process is not None
        assert self._reader is not None
        code = self._process.wait(GIVE_UP_S)
        self._reader.join(GIVE_UP_S)
        return code

    def kill(self) -> None:
        """What `kill -9` does to the builder alone."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def steps(self, event: str, **fields: object) -> list[str]:
        """The steps of the events of a name and with given fields."""
        return [
            line["step"]
            for line in list(self.lines)
            if line["event"] == event and all(line[name] == value for name, value in fields.items())
        ]

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))
