"""Blobs as streams: hashed and decompressed on the way, whatever their size."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Self, cast

import zstandard
from isal import isal_zlib

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.files import CHUNK_BYTES
from builder.io.hasher import Hash, Hasher
from builder.io.mapped import MappedFiles

_GZIP_WINDOW = 31
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# What a small program on a device may be asked to keep in memory; zstd's own limit for 64-bit machines is 128 MiB.
_MOST_WINDOW_BYTES = 128 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of mapped files."""

    data: MappedFiles
    offset: int
    size_bytes: int

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        """All of it, or at most `size_bytes` from `offset` on."""
        end = self.size_bytes if size_bytes is None else min(self.size_bytes, offset + size_bytes)
        return self.data[self.offset + offset : self.offset + end]

    def chunks(self) -> Iterator[memoryview]:
        """All of it, piece by piece, without a copy."""
        return self.data.chunks(self.offset, self.offset + self.size_bytes)

    def digest(self) -> Digest:
        """The digest of all of it."""
        found = hashlib.sha256()
        for piece in self.chunks():
            found.update(piece)
        return _digest(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Of a blob as it lies there, and of what is compressed in it."""

    blob: Digest
    content: Digest


class HashedStream:
    """The decompressed content of a blob, read once; afterwards `digests` tells of all that was in it, and of the blob.

    One other thread hashes both, beside the decompression of what follows: each thread has about half of the work.
    """

    def __init__(self, span: Span) -> None:
        self._hasher = Hasher()
        self._blob, self._content = hashlib.sha256(), hashlib.sha256()
        self._pieces = self._hashed(span.chunks())
        self._chunks = _decompressed(span.read(len(_ZSTD_MAGIC)), self._pieces)
        self._chunk = memoryview(b"")
        self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hasher.finish()

    def read(self, size_bytes: int) -> bytes:
        """The next bytes; fewer only at the end."""
        if len(self._chunk) >= size_bytes:  # the usual case: a header
            return bytes(self._take(size_bytes))
        pieces: list[memoryview] = []
        while size_bytes and self._fill():
            pieces.append(self._take(size_bytes))
            size_bytes -= len(pieces[-1])
        return b"".join(pieces)

    def skip(self, size_bytes: int) -> int:
        """Pass the next bytes; how many there were."""
        start = self.position
        while size_bytes > self.position - start and self._fill():
            self._take(size_bytes - (self.position - start))
        return self.position - start

    def finish(self) -> None:
        """Read what is left."""
        while self._fill():
            self._take(len(self._chunk))

    def digests(self) -> Digests:
        """What the blob is, and what was read of its content; nothing can be read afterwards."""
        for _ in self._pieces:  # what a damaged blob still has
            pass
        self._hasher.finish()
        return Digests(blob=_digest(self._blob), content=_digest(self._content))

    def _take(self, size_bytes: int) -> memoryview:
        taken, self._chunk = self._chunk[:size_bytes], self._chunk[size_bytes:]
        self.position += len(taken)
        return taken

    def _fill(self) -> bool:
        """Whether there is something in the present chunk, after fetching the next one where there is none."""
        while not self._chunk:
            data = next(self._chunks, None)
            if data is None:
                return False
            self._hasher.put(self._content, data)
            self._chunk = memoryview(data)
        return True

    def _hashed(self, pieces: Iterator[memoryview]) -> Iterator[bytes]:
        for piece in pieces:
            data = bytes(piece)
            self._hasher.put(self._blob, data)
            yield data


def decompressed(span: Span) -> Iterator[bytes]:
    """What is in `span`, in pieces of a bounded size; an error, or a digest that differs, tells of what is cut."""
    return _decompressed(span.read(len(_ZSTD_MAGIC)), map(bytes, span.chunks()))


def _decompressed(magic: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        if magic == _ZSTD_MAGIC:
            yield from _from_zstd(pieces)
        elif magic.startswith(_GZIP_MAGIC):
            yield from _from_gzip(pieces)
        else:
            yield from pieces
    except (isal_zlib.error, zstandard.ZstdError) as error:  # type: ignore[misc] # its stub takes the class for an instance
        raise BuilderError(f"it cannot be decompressed: {error}") from None


def _from_zstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES)
    source = cast("IO[bytes]", _Pieces(pieces))  # of which nothing but read is used
    with decompressor.stream_reader(source, read_size=CHUNK_BYTES, read_across_frames=True) as stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Pieces as a file that is read a piece at a time, as zstandard wants its input."""

    pieces: Iterator[bytes]

    def read(self, _: int) -> bytes:
        return next(self.pieces, b"")


def _from_gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All members of a gzip file, one after the other."""
    decompressor = isal_zlib.decompressobj(_GZIP_WINDOW)
    for piece in pieces:
        left = piece
        while left:
            if decompressor.eof:
                decompressor = isal_zlib.decompressobj(_GZIP_WINDOW)
            yield decompressor.decompress(left, CHUNK_BYTES)
            left = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail
    if not decompressor.eof:
        raise BuilderError("it cannot be decompressed: it is cut")


def _digest(found: Hash) -> Digest:
    return Digest.from_hex(found.hexdigest())
