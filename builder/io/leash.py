"""No orphans: what a builder started ends with it, even when the builder is killed with `kill -9`."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from builder.io import leash_process


class Leash:
    """Tells a small helper process which sessions this builder has started.

    The helper (see `leash_process`) reads from a pipe whose only writer is this process; when the pipe ends it kills
    what is left. It starts before the first command, and runs in a session of its own, so that neither Ctrl-C nor a
    signal to the builder's group reaches it. When it was killed itself, the next use starts another.

    Between the start of a process and the line that tells of it the builder may be killed too. So every process also
    inherits one end of a pipe that serves no other purpose: the kernel then knows whom this builder has started, and
    the helper finds them by it. Daemons that leave their session in no time are found by it, too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: set[int] = set()
        self._helper: subprocess.Popen[bytes] | None = None
        self._mark: tuple[int, int] | None = None

    def mark(self) -> int:
        """The descriptor that every process of this builder must inherit; the helper runs when this returns."""
        with self._lock:
            if self._mark is None:
                self._mark = os.pipe()
            if self._helper is None:
                self._start()
            return self._mark[0]

    def hold(self, session: int) -> None:
        """From now on `session` ends with this process."""
        with self._lock:
            self._sessions.add(session)
            self._tell(f"+{session}\n")

    def release(self, session: int) -> None:
        """`session` has ended; its id may be given to other processes from now on."""
        with self._lock:
            self._sessions.discard(session)
            self._tell(f"-{session}\n")

    def close(self) -> None:
        """End the helper, and with it what it still holds."""
        with self._lock:
            # First the mark: whoever has it open when the helper's pipe ends is killed.
            for descriptor in self._mark or ():
                os.close(descriptor)
            self._mark = None
            self._end_helper()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, line: str) -> None:
        if self._helper is None:
            self._start()
            return
        try:
            self._write(line)
        except BrokenPipeError:
            self._end_helper()
            self._start()

    def _start(self) -> None:
        script = Path(leash_process.__file__)
        self._helper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        mark = "" if self._mark is None else f"={os.fstat(self._mark[0]).st_ino}\n"
        self._write(mark + "".join(f"+{session}\n" for session in sorted(self._sessions)))

    def _end_helper(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None and helper.stdin is not None:
            helper.stdin.close()
            helper.wait()

    def _write(self, text: str) -> None:
        # Lines are shorter than PIPE_BUF and the lock is held, so each write is one piece.
        if self._helper is not None and self._helper.stdin is not None:
            os.write(self._helper.stdin.fileno(), text.encode())
