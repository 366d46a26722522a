"""A stream that never fails a build."""

from typing import TextIO


class SafeStream:
    """Writes to a stream whose reader may go away, and whose encoding may lack letters.

    Once a write fails (`builder make 2>&1 | head`, a closed terminal) all later ones are dropped: what is built matters
    more than who watches. Letters that the encoding lacks are written as escapes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._broken = False

    @property
    def encoding(self) -> str:
        """The encoding of the stream; streams in memory have none and take every letter."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write `text` as far as anyone reads it."""
        if not self._broken:
            writable = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
            try:
                self._stream.write(writable)
            except (OSError, ValueError):
                self._broken = True
        return len(text)

    def flush(self) -> None:
        """Hand everything written to the operating system."""
        if not self._broken:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._broken = True

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's descriptor; `OSError` where it has none."""
        return self._stream.fileno()
