"""Block maps in bmaptool's format, version 2.0: which blocks of an image must be written, and their digests."""

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from builder.core.errors import BuilderError

BLOCK_BYTES = 4096
_DIGITS = 64
_LARGEST_BYTES = 64 << 20
_SECTOR_BYTES = 512
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_CHECKSUM = re.compile(r"<BmapFileChecksum>\s*([0-9a-f]{64})\s*</BmapFileChecksum>")


class BlockMapError(BuilderError):
    """A block map that is none, or that contradicts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRange:
    """Blocks from `first` to `last`, and the SHA-256 of what is in them, in hexadecimal digits."""

    first: int
    last: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMap:
    """The `ranges`, in their order, of an image of `image_bytes` in blocks of `block_bytes`; the last may be a part of one."""

    image_bytes: int
    block_bytes: int
    ranges: tuple[MappedRange, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the file `data`; `BlockMapError` says what of it is wrong."""
        if len(data) > _LARGEST_BYTES:
            raise BlockMapError("it is too large for a block map")
        try:
            # The standard parser expands no entity of a file and bounds those of the document itself (expat 2.4).
            root = ET.fromstring(data)  # noqa: S314
        except ET.ParseError as error:
            raise BlockMapError(f"it is no XML: {error}") from error
        _check_form(root)
        _check_digest(data)
        ranges = tuple(_ranges(root))
        made = cls(image_bytes=_number(root, "ImageSize"), block_bytes=_number(root, "BlockSize"), ranges=ranges)
        made.check(blocks=_number(root, "BlocksCount"), mapped=_number(root, "MappedBlocksCount"))
        return made

    def check(self, *, blocks: int, mapped: int) -> None:
        """Raise where the ranges do not fit the image, or the numbers of `blocks` and `mapped` ones are others."""
        if not self.block_bytes or self.block_bytes % _SECTOR_BYTES:
            raise BlockMapError(f"a block of {self.block_bytes} bytes is not a number of sectors")
        if blocks != -(-self.image_bytes // self.block_bytes):
            raise BlockMapError(f"{blocks} blocks of {self.block_bytes} bytes are not {self.image_bytes} bytes")
        free = 0
        for one in self.ranges:
            if not free <= one.first <= one.last < blocks:
                raise BlockMapError(
                    f"the range {_numbers(one)} is not behind the one before it and within {blocks} blocks"
                )
            free = one.last + 1
        found = sum(one.last - one.first + 1 for one in self.ranges)
        if found != mapped:
            raise BlockMapError(f"{mapped} blocks are said to be mapped, and {found} are")


def block_map(image_bytes: int, ranges: Sequence[MappedRange]) -> str:
    """The map of an image of `image_bytes`; its own digest is that of the map with zeros in the digest's place."""
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


def _check_form(root: ET.Element) -> None:
    version = root.get("version", "")
    if root.tag != "bmap" or not version.startswith("2."):
        raise BlockMapError(f"it is no block map of version 2: <{root.tag} version={version!r}>")
    kind = (root.findtext("ChecksumType") or "").strip()
    if kind != "sha256":
        raise BlockMapError(f"its digests are of the kind {kind!r}; only sha256 is known")


def _check_digest(data: bytes) -> None:
    found = _CHECKSUM.search(data.decode(errors="replace"))
    if found is None:
        raise BlockMapError("it has no digest of its own (BmapFileChecksum)")
    blank = data.replace(found[1].encode(), b"0" * _DIGITS, 1)
    if hashlib.sha256(blank).hexdigest() != found[1]:
        raise BlockMapError("it was altered: its own digest (BmapFileChecksum) is another")


def _ranges(root: ET.Element) -> Iterator[MappedRange]:
    for node in root.iterfind("BlockMap/Range"):
        text, digest = (node.text or "").strip(), node.get("chksum", "")
        match = _RANGE.fullmatch(text)
        if match is None or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise BlockMapError(f"the range {text!r} with the digest {digest!r} is none")
        yield MappedRange(first=int(match[1]), last=int(match[2] or match[1]), sha256=digest)


def _number(root: ET.Element, name: str) -> int:
    text = (root.findtext(name) or "").strip()
    if not text.isdecimal():
        raise BlockMapError(f"{name} is {text!r}, not a number")
    return int(text)
