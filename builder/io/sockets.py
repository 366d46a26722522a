"""Sockets in directories, however long the path of the directory is (unix(7) allows 107 bytes), and free ports."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_path(directory: Path) -> Iterator[str]:
    """A short path of `directory`, good while the block runs."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def connect_unix(directory: Path, name: str) -> socket.socket:
    """A connection to the socket `name` in `directory`; `OSError` where nobody answers."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(directory) as place:
            connection.connect(f"{place}/{name}")
    except OSError:
        connection.close()
        raise
    return connection


def port_error(port: int) -> OSError | None:
    """Why nobody can listen at `port` of the loopback address now; None where it is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As QEMU does: a port whose last connection has ended a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None
