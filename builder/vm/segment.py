"""A network that several machines share and nobody else: every frame goes to all others, as through a hub.

Its wire may be slow, late and lossy, and may be cut for a machine, which keeps its carrier: what is sent is lost.
"""

import heapq
import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from builder.io.sockets import short_path
from builder.vm.arguments import gate_hub_name, gate_name, hub_name, network_name

# Larger than any frame, of jumbo size and with offloading, that QEMU sends.
_FRAME_BYTES = 128 << 10
_POLL_S = 0.2
# The kernel holds ten datagrams for a socket (net.unix.max_dgram_qlen); after so long a busy machine is tried again.
_AGAIN_S = 0.001
# What waits at most for one port: more than that is lost, as in a router.
_WAITING_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a machine's wire is like, in each direction; between two machines lie two such wires.

    Frames arrive `latency_s` later, at `bytes_per_s` (0: at once), and `loss` is the part of them that is lost, 0 to 1.
    """

    latency_s: float = 0.0
    bytes_per_s: float = 0.0
    loss: float = 0.0


@dataclass(slots=True)
class _Lane:
    """One direction of a wire; `free_s` is when the last frame has left."""

    free_s: float = 0.0

    def passed_s(self, conditions: Conditions, now_s: float, size_bytes: int) -> float:
        """When a frame that comes now has passed: one after the other, and then on its way."""
        self.free_s = max(self.free_s, now_s)
        if conditions.bytes_per_s:
            self.free_s += size_bytes / conditions.bytes_per_s
        return self.free_s + conditions.latency_s


@dataclass(slots=True, kw_only=True)
class _Port:
    """Where something is attached: our socket, and QEMU's name in `directory`."""

    socket: socket.socket
    directory: Path
    name: str
    conditions: Conditions
    chance: random.Random
    is_cut: bool = False
    outward: _Lane = field(default_factory=_Lane)
    inward: _Lane = field(default_factory=_Lane)
    waiting_bytes: int = 0
    again_s: float = 0.0


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """A frame on its way to `port`; `number` keeps frames of one moment in their order."""

    due_s: float
    number: int
    port: _Port = field(compare=False)
    frame: bytes = field(compare=False)


class Segment:
    """Attaches machines to each other while its block runs. A frame for a machine that is not running is lost, as on a wire.

    `seed` chooses which frames are lost.
    """

    def __init__(self, conditions: Conditions | None = None, seed: str = "") -> None:
        self._conditions = conditions or Conditions()
        self._seed = seed
        self._ports: list[_Port] = []
        self._waiting: list[_Waiting] = []
        self._number = 0
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._forward, name="segment", daemon=True)

    def attach(self, directory: Path, index: int = 0) -> None:
        """Attach the network `index` of the machine in `directory`, before that is started."""
        self._attach(directory, hub_name(index), network_name(index), self._conditions)

    def attach_gate(self, directory: Path, index: int = 0) -> None:
        """Attach the way out of a machine whose user network `index` is relayed; the wire ends at it."""
        self._attach(directory, gate_hub_name(index), gate_name(index), Conditions())

    def cut(self, directory: Path, *, is_cut: bool = True) -> None:
        """Lose all that the machine in `directory` sends and gets from now on, or do so no more."""
        with self._lock:
            for port in self._ports:
                if port.directory == directory:
                    port.is_cut = is_cut

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

    def _attach(self, directory: Path, own_name: str, name: str, conditions: Conditions) -> None:
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        own.setblocking(False)
        with short_path(directory) as place:
            own.bind(f"{place}/{own_name}")
        chance = random.Random(f"{self._seed}/{directory.name}/{name}")  # noqa: S311 - no secret, and the same each time
        port = _Port(socket=own, directory=directory, name=name, conditions=conditions, chance=chance)
        with self._lock:
            self._ports.append(port)
            self._selector.register(own, selectors.EVENT_READ, port)

    def _forward(self) -> None:
        while not self._over.is_set():
            wait_s = self._waiting[0].due_s - time.monotonic() if self._waiting else _POLL_S
            for key, _ in self._selector.select(min(max(wait_s, 0.0), _POLL_S)):
                self._take(key.data)
            while self._waiting and self._waiting[0].due_s <= time.monotonic():
                self._deliver(heapq.heappop(self._waiting))

    def _take(self, source: _Port) -> None:
        """A frame of `source` sets out to all others."""
        try:
            frame = source.socket.recv(_FRAME_BYTES)
        except OSError:
            return
        with self._lock:
            others = [port for port in self._ports if port is not source and not port.is_cut]
            if source.is_cut or _is_lost(source):
                return
        left_s = source.outward.passed_s(source.conditions, time.monotonic(), len(frame))
        for port in others:
            if _is_lost(port) or port.waiting_bytes > _WAITING_BYTES:
                continue
            port.waiting_bytes += len(frame)
            self._send(port.inward.passed_s(port.conditions, left_s, len(frame)), port, frame)

    def _send(self, due_s: float, port: _Port, frame: bytes) -> None:
        self._number += 1
        heapq.heappush(self._waiting, _Waiting(due_s, self._number, port, frame))

    def _deliver(self, one: _Waiting) -> None:
        port = one.port
        if one.due_s < port.again_s:
            # Behind those that its machine had no room for.
            heapq.heappush(self._waiting, _Waiting(port.again_s, one.number, port, one.frame))
            return
        try:
            with short_path(port.directory) as place:
                port.socket.sendto(one.frame, f"{place}/{port.name}")
        except BlockingIOError:
            port.again_s = time.monotonic() + _AGAIN_S
            heapq.heappush(self._waiting, _Waiting(port.again_s, one.number, port, one.frame))
            return
        except OSError:
            pass  # that machine is not running
        port.waiting_bytes -= len(one.frame)


def _is_lost(port: _Port) -> bool:
    return port.conditions.loss > 0 and port.chance.random() < port.conditions.loss
