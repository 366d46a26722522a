"""What the console of a lab's machine says, on the terminal."""

import socket
import sys
import threading

_CHUNK_BYTES = 4096


class ShownConsole:
    """Writes what a console says to the terminal, as it is."""

    def __init__(self, connection: socket.socket, first: bytes) -> None:
        self._connection = connection
        self._over = threading.Event()
        sys.stdout.buffer.write(first)
        threading.Thread(target=self._show, daemon=True).start()

    def is_over(self, timeout_s: float) -> bool:
        """Whether the lab has ended."""
        return self._over.wait(timeout_s)

    def _show(self) -> None:
        while data := self._connection.recv(_CHUNK_BYTES):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        self._over.set()
