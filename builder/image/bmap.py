"""Block maps in bmaptool's format: which blocks of an image must be written, and their digests."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK_BYTES = 4096
_DIGITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRange:
    """Blocks from `first` to `last`, and the SHA-256 of what is in them, in hexadecimal digits."""

    first: int
    last: int
    sha256: str


def block_map(image_bytes: int, ranges: Sequence[MappedRange]) -> str:
    """The map, version 2.0, of an image of `image_bytes`; its own digest is that of the map with zeros in the digest's place."""
    mapped = sum(one.last - one.first + 1 for one in ranges)
    lines = [
        '<?xml version="1.0" ?>',
        '<bmap version="2.0">',
        f"    <ImageSize> {image_bytes} </ImageSize>",
        f"    <BlockSize> {BLOCK_BYTES} </BlockSize>",
        f"    <BlocksCount> {-(-image_bytes // BLOCK_BYTES)} </BlocksCount>",
        f"    <MappedBlocksCount> {mapped} </MappedBlocksCount>",
        "    <ChecksumType> sha256 </ChecksumType>",
        f"    <BmapFileChecksum> {'0' * _DIGITS} </BmapFileChecksum>",
        "    <BlockMap>",
        *(f'        <Range chksum="{one.sha256}"> {_numbers(one)} </Range>' for one in ranges),
        "    </BlockMap>",
        "</bmap>",
    ]
    text = "\n".join(lines) + "\n"
    return text.replace("0" * _DIGITS, hashlib.sha256(text.encode()).hexdigest(), 1)


def _numbers(mapped: MappedRange) -> str:
    return f"{mapped.first}" if mapped.first == mapped.last else f"{mapped.first}-{mapped.last}"
