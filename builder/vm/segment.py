"""A network that several machines share and nobody else: every frame goes to all others, as through a hub."""

import selectors
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from builder.io.sockets import short_path
from builder.vm.arguments import hub_name, network_name

# Larger than any frame, of jumbo size and with offloading, that QEMU sends.
_FRAME_BYTES = 128 << 10
_POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Port:
    """Where a machine is attached: our socket, and QEMU's name in `directory`."""

    socket: socket.socket
    directory: Path
    name: str


class Segment:
    """Attaches machines to each other while its block runs. A frame for a machine that is not running is lost, as on a wire."""

    def __init__(self) -> None:
        self._ports: list[_Port] = []
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._forward, name="segment", daemon=True)

    def attach(self, directory: Path, index: int = 0) -> None:
        """Attach the network `index` of the machine in `directory`, before that is started."""
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        own.setblocking(False)
        with short_path(directory) as place:
            own.bind(f"{place}/{hub_name(index)}")
        port = _Port(socket=own, directory=directory, name=network_name(index))
        with self._lock:
            self._ports.append(port)
            self._selector.register(own, selectors.EVENT_READ, port)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._selector.close()
        for port in self._ports:
            port.socket.close()

    def _forward(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(_POLL_S):
                self._pass_on(key.data)

    def _pass_on(self, source: _Port) -> None:
        try:
            frame = source.socket.recv(_FRAME_BYTES)
        except OSError:
            return
        with self._lock:
            others = [port for port in self._ports if port is not source]
        for port in others:
            try:
                with short_path(port.directory) as place:
                    port.socket.sendto(frame, f"{place}/{port.name}")
            except OSError:
                continue  # that machine is not running, or slower than the wire
