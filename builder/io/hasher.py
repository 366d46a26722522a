"""Hashing beside other work: a thread takes pieces in order, each for one of several digests."""

from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Protocol, Self

# Pieces that wait, so that a slow hash does not fill the memory.
_MOST_WAITING = 4


class Hash(Protocol):
    """What hashlib makes, whose own type has no public name."""

    def update(self, data: bytes, /) -> None:
        """Add `data`."""

    def hexdigest(self) -> str:
        """The digest of everything that was added."""


class Hasher:
    """The thread; a queue costs less than a future for each piece. Digests are complete when `finish` has returned."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Hash, bytes] | None] = SimpleQueue()
        self._room = Semaphore(_MOST_WAITING)
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def put(self, digest: Hash, data: bytes) -> None:
        """Have `data` added to `digest`, after all that was put before."""
        self._room.acquire()
        self._waiting.put((digest, data))

    def finish(self) -> None:
        """Wait until everything is hashed; nothing comes after it."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            digest, data = job
            digest.update(data)
            self._room.release()
