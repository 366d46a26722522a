"""The serial line of a machine: what it says, waiting for it to say something, and typing."""

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from builder.core.errors import VerificationError
from builder.io.cancel import CancelToken

_CHUNK_BYTES = 64 << 10
_POLL_S = 0.2
_LAST_LINES = 20
# What nobody waited for yet: far more than a boot says.
_KEPT_BYTES = 4 << 20
# A guest that talks without end must not fill the disk.
_TRANSCRIPT_BYTES = 64 << 20
_TRANSCRIPT_FULL = b"\n(the transcript ends here: it is full)\n"
# Control sequences of terminals (ECMA-48), which firmware sends between every two words.
_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>A-Z78])|[\r\x00]")


class ConsoleError(VerificationError):
    """The machine did not say what was waited for."""


class Console:
    """Reads from `connection` all the time into the file `transcript`; `listen` gets every piece as it comes.

    Without somebody who reads, QEMU would hold the guest up.
    """

    def __init__(
        self, connection: socket.socket, transcript: Path, cancel: CancelToken, listen: Callable[[bytes], None]
    ) -> None:
        self.transcript = transcript
        self._connection = connection
        self._cancel = cancel
        self._listen = listen
        self._arrived = threading.Condition()
        self._unseen = b""
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="console", daemon=True)
        self._reader.start()

    def expect(self, pattern: str, timeout_s: float) -> re.Match[str]:
        """Wait until the machine says what the regular expression `pattern` finds; all up to its end is seen then.

        Patterns see lines that end with a plain newline and no control sequences. `ConsoleError` shows the last lines.
        """
        wanted = re.compile(pattern)
        deadline_s = time.monotonic() + timeout_s
        with self._arrived:
            while True:
                text = plain_text(self._unseen)
                if found := wanted.search(text):
                    self._unseen = text[found.end() :].encode()
                    return found
                self._cancel.check()
                left_s = deadline_s - time.monotonic()
                if self._ended or left_s <= 0:
                    why = "ended before it said" if self._ended else f"did not say within {timeout_s:g} s"
                    raise ConsoleError(f"the machine {why}: {pattern}", details=self._told(text))
                self._arrived.wait(min(left_s, _POLL_S))

    def send(self, text: str | bytes) -> None:
        """Type `text`; nothing happens where the machine has ended."""
        with suppress(OSError):
            self._connection.sendall(text.encode() if isinstance(text, str) else text)

    def send_line(self, text: str) -> None:
        """Type `text` and Enter."""
        self.send(f"{text}\r")

    def close(self) -> None:
        """End the conversation; all that came so far is in the transcript then."""
        with suppress(OSError):  # QEMU has ended it
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._connection.close()

    def join(self) -> None:
        """Wait until QEMU has closed the line."""
        self._reader.join()

    def last_lines(self) -> list[str]:
        """The last lines of the transcript."""
        return last_lines(self.transcript)

    def _told(self, unseen: str) -> list[str]:
        said = self.last_lines() if unseen.strip() else ["(nothing more was said)", *self.last_lines()]
        return [*said, f"all of it: {self.transcript}"]

    def _read(self) -> None:
        with self.transcript.open("ab", buffering=0) as transcript:
            room = _TRANSCRIPT_BYTES - transcript.tell()
            while data := self._receive():
                if room > 0:
                    transcript.write(data if len(data) < room else data[:room] + _TRANSCRIPT_FULL)
                room -= len(data)
                self._listen(data)
                with self._arrived:
                    self._unseen = (self._unseen + data)[-_KEPT_BYTES:]
                    self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(_CHUNK_BYTES)
        except OSError:
            return b""


def plain_text(data: bytes) -> str:
    """`data` without control sequences and carriage returns."""
    return _CONTROL.sub("", data.decode(errors="replace"))


def last_lines(transcript: Path) -> list[str]:
    """The last lines of a transcript, without empty ones."""
    with transcript.open("rb") as stream:
        stream.seek(max(0, transcript.stat().st_size - _CHUNK_BYTES))
        lines = plain_text(stream.read()).splitlines()
    return [line for line in lines if line.strip()][-_LAST_LINES:]
