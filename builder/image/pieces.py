"""What an image is made of, in the order of the disk, and the one pass that writes it.

The image is never laid out as a file before it is compressed: pieces are read, hashed and handed on. Gaps between
pieces are zeros, which a card need not be written with.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.blockmap import BLOCK_BYTES, MappedRange
from builder.io.cancel import CancelToken

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes from `start_bytes` on that must be on the disk: `data`, or the file `source`, then zeros up to `size_bytes`."""

    start_bytes: int
    size_bytes: int
    data: bytes = b""
    source: Path | None = None

    @property
    def end_bytes(self) -> int:
        """Where it ends."""
        return self.start_bytes + self.size_bytes

    def chunks(self) -> Iterator[bytes]:
        """Its content."""
        left = self.size_bytes
        for chunk in self._content():
            if len(chunk) > left:
                raise BuilderError(f"{self.source or 'a piece of the image'} is larger than {self.size_bytes} bytes")
            left -= len(chunk)
            yield chunk
        yield from zeros(left)

    def _content(self) -> Iterator[bytes]:
        if self.source is None:
            yield self.data
            return
        with self.source.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An image that was written: its size, its digest, and which of its blocks matter."""

    size_bytes: int
    digest: Digest
    ranges: tuple[MappedRange, ...]


@dataclass(slots=True, kw_only=True)
class ImageWriter:
    """Hands an image of `size_bytes` to `put` (bytes that matter) and `skip` (a gap of zeros)."""

    size_bytes: int
    put: Callable[[bytes], object]
    skip: Callable[[int], object]
    cancel: CancelToken
    _whole: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def write(self, pieces: Sequence[Piece]) -> Written:
        """Write `pieces`, which are in order, whole blocks each, and do not overlap."""
        position = 0
        ranges: list[MappedRange] = []
        for piece in pieces:
            if piece.start_bytes < position or (piece.start_bytes | piece.size_bytes) % BLOCK_BYTES:
                raise BuilderError(f"a piece of the image cannot begin at byte {piece.start_bytes}")
            self._gap(piece.start_bytes - position)
            ranges.append(self._piece(piece))
            position = piece.end_bytes
        self._gap(self.size_bytes - position)
        return Written(
            size_bytes=self.size_bytes, digest=Digest.from_hex(self._whole.hexdigest()), ranges=tuple(ranges)
        )

    def _piece(self, piece: Piece) -> MappedRange:
        own = hashlib.sha256()
        for chunk in piece.chunks():
            self.cancel.check()
            own.update(chunk)
            self._whole.update(chunk)
            self.put(chunk)
        first = piece.start_bytes // BLOCK_BYTES
        return MappedRange(first=first, last=piece.end_bytes // BLOCK_BYTES - 1, sha256=own.hexdigest())

    def _gap(self, size_bytes: int) -> None:
        for chunk in zeros(size_bytes):
            self.cancel.check()
            self._whole.update(chunk)
        if size_bytes:
            self.skip(size_bytes)


def zeros(size_bytes: int) -> Iterator[bytes]:
    """That many zeros, in chunks."""
    chunk = bytes(min(size_bytes, _CHUNK_BYTES))
    for _ in range(size_bytes // _CHUNK_BYTES):
        yield chunk
    if rest := size_bytes % _CHUNK_BYTES:
        yield bytes(rest)
