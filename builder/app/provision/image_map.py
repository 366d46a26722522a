"""The block map beside an image, kept true while files in the image change: flashing goes by it."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from builder.core.errors import BuilderError, RecipeError
from builder.flash.source import find_map
from builder.formats.blockmap import BLOCK_BYTES, BlockMap, BlockMapError, MappedRange, block_map
from builder.io.files import atomic_write

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMap:
    """The map at `path` of the image at `image`."""

    path: Path
    image: Path
    parsed: BlockMap

    def refresh(self, changed: Collection[tuple[int, int]]) -> None:
        """Make it the map of an image in which `changed`, offsets and lengths in bytes, are other bytes than before."""
        blocks = sorted({block for offset, length in changed for block in _blocks(offset, length)})
        with self.image.open("rb") as stream:
            ranges = [_hashed(stream, one) for one in _merged(self.parsed.ranges, blocks)]
        try:
            atomic_write(self.path, block_map(self.parsed.image_bytes, ranges).encode())
        except OSError as error:
            raise BuilderError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="it is no longer the image's: remove it, or flash with --no-block-map",
            ) from None


def image_map(image: Path) -> ImageMap | None:
    """The map beside `image`; None where there is none."""
    path = find_map(image)
    if path is None:
        return None
    try:
        parsed = BlockMap.parse(path.read_bytes())
        size_bytes = image.stat().st_size
    except (OSError, BlockMapError) as error:
        why = error.brief if isinstance(error, BlockMapError) else str(error.strerror)
        raise _unusable(path, why) from None
    if parsed.block_bytes != BLOCK_BYTES or parsed.image_bytes != size_bytes:
        raise _unusable(path, "it is of another image")
    return ImageMap(path=path, image=image, parsed=parsed)


def _unusable(path: Path, why: str) -> RecipeError:
    return RecipeError(f"{path} cannot be kept true: {why}", hint="remove it, or bring the image's own back")


def _blocks(offset: int, length: int) -> range:
    return range(offset // BLOCK_BYTES, -(-(offset + length) // BLOCK_BYTES))


def _merged(ranges: Collection[MappedRange], blocks: Collection[int]) -> Iterator[MappedRange]:
    """`ranges`, without the digests of those that have changed, and ranges of the `blocks` that were in none."""
    left = set(blocks)
    kept = []
    for one in ranges:
        inside = {block for block in left if one.first <= block <= one.last}
        left -= inside
        kept.append(MappedRange(first=one.first, last=one.last, sha256="" if inside else one.sha256))
    added: list[MappedRange] = []
    for block in sorted(left):
        if added and added[-1].last + 1 == block:
            added[-1] = MappedRange(first=added[-1].first, last=block, sha256="")
        else:
            added.append(MappedRange(first=block, last=block, sha256=""))
    yield from sorted([*kept, *added], key=lambda one: one.first)


def _hashed(stream: IO[bytes], one: MappedRange) -> MappedRange:
    if one.sha256:
        return one
    digest = hashlib.sha256()
    stream.seek(one.first * BLOCK_BYTES)
    left = (one.last - one.first + 1) * BLOCK_BYTES
    while left and (data := stream.read(min(left, _CHUNK_BYTES))):
        digest.update(data)
        left -= len(data)
    return MappedRange(first=one.first, last=one.last, sha256=digest.hexdigest())
