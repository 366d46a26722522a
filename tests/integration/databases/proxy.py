"""A way to a server that can be made slow, as a network is."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.integration.components.ports import LOOPBACK

_PIECE = 64 << 10


@dataclass(slots=True, kw_only=True)
class Proxy:
    """Passes on what arrives at `port`, each piece `delay_s` later."""

    port: int
    delay_s: float = 0.0
    sockets: list[socket.socket] = field(default_factory=list)

    def pass_on(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                time.sleep(self.delay_s)
                to.sendall(piece)
        for end in (source, to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxying(server_port: int) -> Iterator[Proxy]:
    """A way to the server at `server_port`; it is open while the context is."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        proxy = Proxy(port=listener.getsockname()[1])
        accepting = threading.Thread(target=_accept, args=(listener, server_port, proxy))
        accepting.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for each in proxy.sockets:
                each.close()


def _accept(listener: socket.socket, server_port: int, proxy: Proxy) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            try:
                server = socket.create_connection((LOOPBACK, server_port))
            except OSError:  # the server is away: so is the way to it
                client.close()
                continue
            proxy.sockets += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=proxy.pass_on, args=pair, daemon=True).start()
