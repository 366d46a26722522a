"""An image cut into pieces that several devices write at the same time."""

import hashlib
import mmap
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from builder.core.errors import BuilderError
from builder.flash.source import Content, Extent, Image, damaged, open_content
from builder.io.cancel import CancelToken

# Cards erase blocks of up to 4 MiB; larger pieces gained nothing and take memory.
CHUNK_BYTES = 2 << 20
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Bytes of a device, and the SHA-256 of what has to be there."""

    offset: int
    length: int
    sha256: bytes


class Pool:
    """Buffers for direct input and output, each at the beginning of a page; who has none waits for one."""

    def __init__(self, count: int) -> None:
        self._free: queue.SimpleQueue[mmap.mmap] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(mmap.mmap(-1, CHUNK_BYTES))

    def take(self, cancel: CancelToken) -> mmap.mmap:
        """A buffer that nobody uses."""
        while True:
            cancel.check()
            try:
                return self._free.get(timeout=_LOOK_S)
            except queue.Empty:
                continue

    def give(self, buffer: mmap.mmap) -> None:
        """Take `buffer` back."""
        self._free.put(buffer)


class Piece:
    """A chunk and its bytes, which stay until all of `readers` have released them."""

    def __init__(self, chunk: Chunk, buffer: mmap.mmap, pool: Pool, *, readers: int) -> None:
        self.chunk = chunk
        self._buffer = buffer
        self._pool = pool
        self._readers = readers
        self._lock = threading.Lock()

    @property
    def data(self) -> memoryview:
        """The bytes."""
        return memoryview(self._buffer)[: self.chunk.length]

    def release(self) -> None:
        """Say that one reader is done."""
        with self._lock:
            self._readers -= 1
            is_free = not self._readers
        if is_free:
            self._pool.give(self._buffer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """Cuts an image for `readers`, whose sectors have no more than `sector_bytes`."""

    pool: Pool
    readers: int
    sector_bytes: int
    cancel: CancelToken

    def cut(self, image: Image) -> Iterator[Piece]:
        """The pieces of all that is mapped; each extent is compared with its digest while it passes."""
        with open_content(image) as content:
            position = 0
            for extent in image.extents:
                self._skip(content, extent.offset - position)
                yield from self._extent(image, content, extent)
                position = extent.offset + extent.length
            self._skip(content, image.size_bytes - position)
            if not content.at_end():
                raise damaged(image.path, f"it is larger than {image.size_bytes} bytes")

    def _skip(self, content: Content, length: int) -> None:
        for start in range(0, length, CHUNK_BYTES):
            self.cancel.check()
            content.skip(min(CHUNK_BYTES, length - start))

    def _extent(self, image: Image, content: Content, extent: Extent) -> Iterator[Piece]:
        whole = hashlib.sha256()
        end = extent.offset + extent.length
        for offset in range(extent.offset, end, CHUNK_BYTES):
            length = min(CHUNK_BYTES, end - offset)
            buffer = self.pool.take(self.cancel)
            view = memoryview(buffer)
            content.fill(view[:length])
            if extent.sha256:
                whole.update(view[:length])
            padded = round_up(length, self.sector_bytes)
            view[length:padded] = bytes(padded - length)
            chunk = Chunk(offset=offset, length=padded, sha256=hashlib.sha256(view[:padded]).digest())
            yield Piece(chunk, buffer, self.pool, readers=self.readers)
        if extent.sha256 and whole.hexdigest() != extent.sha256:
            raise _altered(image, extent)


def round_up(length: int, unit: int) -> int:
    """The smallest multiple of `unit` from `length` on."""
    return -(-length // unit) * unit


def _altered(image: Image, extent: Extent) -> BuilderError:
    last = extent.offset + extent.length - 1
    return BuilderError(
        f"{image.path} is not what {image.block_map} was made for: bytes {extent.offset} to {last} differ",
        hint="make or fetch both again, and compare them with their SHA256SUMS",
    )
