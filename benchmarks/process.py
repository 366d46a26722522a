"""Running what is measured: wall time from before the start to after the end, and the memory of the process itself."""

import os
import pty
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from builder.core.errors import BuilderError
from builder.core.resources import KIB

_LAST_BYTES = 4 << 10
# Distance of two looks at the memory of a process: short at first, so that short runs are measured too.
_FIRST_SAMPLE_S = 0.001
_SAMPLE_S = 0.2
_SAMPLE_GROWTH = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A command that ended well. `started_s` is seconds since the epoch, `output` what it wrote to standard output.

    `own_memory_bytes` is the largest resident set of the process, its children left out; 0 where it was not watched.
    """

    started_s: float
    duration_s: float
    own_memory_bytes: int
    output: bytes


def run(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], terminal: bool = False, watched: bool = False
) -> Run:
    """Run a command to its end; `terminal` gives it one as standard error. `BuilderError` when it fails."""
    with TemporaryFile() as output, _stderr(terminal=terminal) as (errors, said):
        started_s, begin_s = time.time(), time.perf_counter()
        process = subprocess.Popen(argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        memory = _OwnMemory(process.pid) if watched else None
        process.wait()
        duration_s = time.perf_counter() - begin_s
        if process.returncode != 0:
            raise BuilderError(
                f"{' '.join(argv)} ended with status {process.returncode}", details=said().decode().splitlines()
            )
        output.seek(0)
        return Run(
            started_s=started_s,
            duration_s=duration_s,
            own_memory_bytes=memory.end() if memory else 0,
            output=output.read(),
        )


class _Said:
    """What a command wrote to its standard error, the end of it."""

    def __init__(self, stream: int) -> None:
        self._stream = stream

    def __call__(self) -> bytes:
        size_bytes = os.fstat(self._stream).st_size
        return os.pread(self._stream, _LAST_BYTES, max(0, size_bytes - _LAST_BYTES))


@contextmanager
def _stderr(*, terminal: bool) -> Iterator[tuple[int, _Said]]:
    """A descriptor to write to, and a way to learn what was written."""
    with TemporaryFile() as kept:
        if not terminal:
            yield kept.fileno(), _Said(kept.fileno())
            return
        ours, theirs = pty.openpty()
        reader = threading.Thread(target=_drain, args=(ours, kept.fileno()), daemon=True)
        reader.start()
        try:
            yield theirs, _Said(kept.fileno())
        finally:
            os.close(theirs)
            reader.join()
            os.close(ours)


def _drain(source: int, target: int) -> None:
    """Copy until nobody holds the other end of the terminal any more, which reads as EIO."""
    while True:
        try:
            data = os.read(source, _LAST_BYTES)
        except OSError:
            return
        os.write(target, data)


class _OwnMemory:
    """Watches the largest resident set of a process.

    Not by wait4(2): what it tells begins with the resident set of whoever started the process.
    """

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._end = threading.Event()
        self._peak_bytes = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Stop watching; bytes. What came after the last look is missing."""
        self._end.set()
        self._thread.join()
        return self._peak_bytes

    def _watch(self) -> None:
        pause_s = _FIRST_SAMPLE_S
        while not self._end.wait(pause_s):
            pause_s = min(_SAMPLE_S, pause_s * _SAMPLE_GROWTH)
            try:
                # A shell becomes Python under the same number, and the count begins anew.
                self._peak_bytes = max(self._peak_bytes, peak_memory_bytes(self._status))
            except OSError:
                return


def peak_memory_bytes(status: Path = Path("/proc/self/status")) -> int:
    """The largest resident set so far, by the `status` file of a process (proc(5)); 0 when it has ended."""
    peaks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0].split()[1]) * KIB if peaks else 0
