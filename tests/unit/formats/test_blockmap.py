import hashlib

import pytest

from builder.formats.blockmap import BlockMap, BlockMapError, MappedRange, block_map

DIGEST = hashlib.sha256(b"x").hexdigest()
RANGES = (MappedRange(first=0, last=0, sha256=DIGEST), MappedRange(first=3, last=9, sha256=DIGEST))
# Its last block is a part of one.
SIZE = 9 * 4096 + 512


def test_what_is_written_is_read() -> None:
    parsed = BlockMap.parse(block_map(SIZE, RANGES).encode())
    assert parsed == BlockMap(image_bytes=SIZE, block_bytes=4096, ranges=RANGES)


def resealed(text: str) -> bytes:
    """`text` with the digest of its own that fits."""
    head, _, rest = text.partition("<BmapFileChecksum> ")
    blank = f"{head}<BmapFileChecksum> {'0' * 64}{rest[64:]}"
    return blank.replace("0" * 64, hashlib.sha256(blank.encode()).hexdigest(), 1).encode()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('version="2.0"', 'version="1.3"', "no block map of version 2"),
        ("> sha256 <", "> sha1 <", "of the kind 'sha1'"),
        ("<BlocksCount> 10 ", "<BlocksCount> 11 ", "11 blocks of 4096 bytes are not"),
        ("<MappedBlocksCount> 8 ", "<MappedBlocksCount> 7 ", "7 blocks are said to be mapped, and 8 are"),
        ("> 3-9 <", "> 3-10 <", "the range 3-10 is not behind"),
        ("> 3-9 <", "> 0-9 <", "the range 0-9 is not behind"),
        ("> 3-9 <", "> 9-3 <", "the range 9-3 is not behind"),
        ("> 3-9 <", "> x <", "the range 'x'"),
        (f'chksum="{DIGEST}"', 'chksum="1"', "with the digest '1'"),
        ("<BlockSize> 4096 ", "<BlockSize> 1000 ", "not a number of sectors"),
        ("<ImageSize> 37376 ", "<ImageSize> much ", "ImageSize is 'much'"),
    ],
)
def test_maps_that_contradict_themselves(before: str, after: str, words: str) -> None:
    text = block_map(SIZE, RANGES)
    assert before in text
    with pytest.raises(BlockMapError, match=words):
        BlockMap.parse(resealed(text.replace(before, after, 1)))


def test_the_digest_of_its_own() -> None:
    text = block_map(SIZE, RANGES)
    with pytest.raises(BlockMapError, match="it was altered"):
        BlockMap.parse(text.replace("3-9", "3-8").replace("> 8 <", "> 7 <").encode())
    with pytest.raises(BlockMapError, match="no digest of its own"):
        BlockMap.parse(text.replace("BmapFileChecksum", "Other").encode())


@pytest.mark.parametrize("data", [b"", b"text", b"<bmap", b"<other/>"])
def test_what_is_no_map(data: bytes) -> None:
    with pytest.raises(BlockMapError):
        BlockMap.parse(data)
