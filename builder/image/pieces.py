"""What an image is made of, in the order of the disk, and the one pass that writes it.

The image is never laid out as a file before it is compressed: pieces are read, hashed and handed on. Gaps between
pieces are zeros, which a card need not be written with.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.blockmap import BLOCK_BYTES, MappedRange
from builder.io.cancel import CancelToken
from builder.io.hasher import Hash, Hasher

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes from `start_bytes` on that must be on the disk: `data`, or the file `source`, then zeros up to `size_bytes`.

    With a `source_offset`, those of the file from there on instead.
    """

    start_bytes: int
    size_bytes: int
    data: bytes = b""
    source: Path | None = None
    source_offset: int | None = None

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
            if self.source_offset is not None:
                stream.seek(self.source_offset)
            end = None if self.source_offset is None else self.source_offset + self.size_bytes
            while chunk := stream.read(_CHUNK_BYTES if end is None else min(_CHUNK_BYTES, end - stream.tell())):
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

    def write(self, pieces: Sequence[Piece]) -> Written:
        """Write `pieces`, which are in order, whole blocks each, and do not overlap."""
        position = 0
        whole, own = hashlib.sha256(), [hashlib.sha256() for _ in pieces]
        with Hasher() as hasher:
            for piece, digest in zip(pieces, own, strict=True):
                if piece.start_bytes < position or (piece.start_bytes | piece.size_bytes) % BLOCK_BYTES:
                    raise BuilderError(f"a piece of the image cannot begin at byte {piece.start_bytes}")
                self._gap(piece.start_bytes - position, partial(hasher.put, whole))
                for chunk in piece.chunks():
                    self.cancel.check()
                    hasher.put(digest, chunk)
                    hasher.put(whole, chunk)
                    self.put(chunk)
                position = piece.end_bytes
            self._gap(self.size_bytes - position, partial(hasher.put, whole))
        return Written(
            size_bytes=self.size_bytes,
            digest=Digest.from_hex(whole.hexdigest()),
            ranges=tuple(starmap(_mapped, zip(pieces, own, strict=True))),
        )

    def _gap(self, size_bytes: int, hashed: Callable[[bytes], None]) -> None:
        for chunk in zeros(size_bytes):
            self.cancel.check()
            hashed(chunk)
            self.skip(len(chunk))


def _mapped(piece: Piece, digest: Hash) -> MappedRange:
    first, end = piece.start_bytes // BLOCK_BYTES, piece.end_bytes // BLOCK_BYTES
    return MappedRange(first=first, last=end - 1, sha256=digest.hexdigest())


def zeros(size_bytes: int) -> Iterator[bytes]:
    """That many zeros, in chunks."""
    chunk = bytes(min(size_bytes, _CHUNK_BYTES))
    for _ in range(size_bytes // _CHUNK_BYTES):
        yield chunk
    if rest := size_bytes % _CHUNK_BYTES:
        yield bytes(rest)
