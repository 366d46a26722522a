"""What one device gets in place of an image's bytes: the image is common to all, and a node's identity is not."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from builder.core.digest import Digest
from builder.flash.pieces import Piece, Pool
from builder.flash.source import Extent, Image
from builder.io.cancel import CancelToken

# The unit of block maps, and of the largest sectors.
_BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Bytes by their offset on the device, none within another.

    `identity` is the same for everything that may go on where another try ended.
    """

    identity: str
    writes: Sequence[tuple[int, bytes]]


NOTHING = Patch(identity="", writes=())


def patched_identity(image: Image, patch: Patch) -> Digest:
    """The identity of `image` with `patch` in it."""
    return Digest.of_json([image.identity, patch.identity])


def with_patched(image: Image, patches: Iterable[Patch]) -> Image:
    """`image` with extents for all that `patches` write, too: what is not mapped is not written otherwise."""
    writes = sorted((offset, offset + len(data)) for patch in patches for offset, data in patch.writes)
    extents = list(image.extents)
    position = 0
    for offset, end in writes:
        start = max(position, offset // _BLOCK_BYTES * _BLOCK_BYTES)
        position = max(position, min(-(-end // _BLOCK_BYTES) * _BLOCK_BYTES, image.size_bytes))
        extents += _uncovered(start, position, image.extents)
    return replace(image, extents=sorted(extents, key=lambda one: one.offset))


def _uncovered(start: int, end: int, extents: Iterable[Extent]) -> Iterator[Extent]:
    """What of the bytes from `start` to `end` is in none of `extents`, which are in their order."""
    for extent in extents:
        if extent.offset >= end:
            break
        if start < extent.offset:
            yield Extent(offset=start, length=extent.offset - start, sha256="")
        start = max(start, extent.offset + extent.length)
    if start < end:
        yield Extent(offset=start, length=end - start, sha256="")


class Patcher:
    """Puts a patch into the pieces of one device, which are common to all until then."""

    def __init__(self, patch: Patch, cancel: CancelToken) -> None:
        self._writes = patch.writes
        self._pool = Pool(1 if patch.writes else 0)
        self._cancel = cancel

    def __call__(self, piece: Piece) -> Piece:
        """`piece`, or another with this device's bytes, for which `piece` is released."""
        start, end = piece.chunk.offset, piece.chunk.offset + piece.chunk.length
        mine = [(offset, data) for offset, data in self._writes if offset < end and offset + len(data) > start]
        if not mine:
            return piece
        try:
            buffer = self._pool.take(self._cancel)
            view = memoryview(buffer)[: piece.chunk.length]
            view[:] = piece.data
        finally:
            piece.release()
        for offset, data in mine:
            first, last = max(offset, start), min(offset + len(data), end)
            view[first - start : last - start] = data[first - offset : last - offset]
        chunk = replace(piece.chunk, sha256=hashlib.sha256(view).digest())
        return Piece(chunk, buffer, self._pool, readers=1)
