"""The logs of a build: one directory per run, one file per step."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.files import remove_tree

_KEPT_RUNS = 20
_RUN = re.compile(r"\d{8}-\d{6}-(\d+)")


class RunLogs:
    """The logs of one run, in `root/<date>-<time>-<process>`; the directory appears with the first log.

    Directories of older runs are removed then, except the last twenty and those of builders that still work.
    """

    def __init__(self, root: Path, started_s: float) -> None:
        stamp = datetime.fromtimestamp(started_s, tz=UTC).strftime("%Y%m%d-%H%M%S")
        self._root = root
        self._directory = root / f"{stamp}-{os.getpid()}"

    def prepare(self) -> None:
        """Make the directory and remove old ones."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BuilderError(f"logs cannot be written to {self._root}: {error.strerror}") from error
        runs = sorted(path for path in self._root.iterdir() if _RUN.fullmatch(path.name))
        for run in runs[:-_KEPT_RUNS]:
            if not _is_at_work(run.name):
                remove_tree(run)

    def of_step(self, step: str) -> Path:
        """The log file of a step."""
        return self._directory / f"{step.replace('/', '_')}.log"


def _is_at_work(name: str) -> bool:
    match = _RUN.fullmatch(name)
    return match is not None and Path(f"/proc/{match[1]}").exists()
