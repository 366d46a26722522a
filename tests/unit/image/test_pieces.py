"""Writing an image in one pass."""

import hashlib
import io
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from builder.core.errors import BuilderError
from builder.formats.blockmap import block_map
from builder.image.pieces import ImageWriter, Piece
from builder.io.cancel import CancelToken

BLOCK = 4096


def test_pieces_lie_where_they_say_and_gaps_are_zeros(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"y" * 5000)
    pieces = [
        Piece(start_bytes=0, size_bytes=BLOCK, data=b"x" * 10),
        Piece(start_bytes=4 * BLOCK, size_bytes=2 * BLOCK, source=tmp_path / "part"),
    ]
    stream = io.BytesIO()
    writer = ImageWriter(
        size_bytes=8 * BLOCK, put=stream.write, skip=lambda count: stream.write(bytes(count)), cancel=CancelToken()
    )
    result = writer.write(pieces)
    whole = stream.getvalue()
    assert whole == (b"x" * 10).ljust(4 * BLOCK, b"\0") + (b"y" * 5000).ljust(4 * BLOCK, b"\0")
    assert result.digest == f"sha256:{hashlib.sha256(whole).hexdigest()}"
    assert [(one.first, one.last) for one in result.ranges] == [(0, 0), (4, 5)]
    assert result.ranges[1].sha256 == hashlib.sha256(whole[4 * BLOCK : 6 * BLOCK]).hexdigest()


def test_a_piece_may_be_a_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(b"".join(bytes([number]) * BLOCK for number in range(4)))
    stream = io.BytesIO()
    writer = ImageWriter(
        size_bytes=4 * BLOCK, put=stream.write, skip=lambda count: stream.write(bytes(count)), cancel=CancelToken()
    )
    writer.write([Piece(start_bytes=BLOCK, size_bytes=2 * BLOCK, source=tmp_path / "whole", source_offset=BLOCK)])
    assert stream.getvalue() == bytes(BLOCK) + b"\1" * BLOCK + b"\2" * BLOCK + bytes(BLOCK)


def test_a_piece_that_is_larger_than_its_place_or_lies_over_another_is_an_error() -> None:
    nothing = ImageWriter(size_bytes=8 * BLOCK, put=len, skip=abs, cancel=CancelToken())
    with pytest.raises(BuilderError, match="larger than 4096"):
        nothing.write([Piece(start_bytes=0, size_bytes=BLOCK, data=bytes(BLOCK + 1))])
    with pytest.raises(BuilderError, match="cannot begin at byte 4096"):
        nothing.write([Piece(start_bytes=0, size_bytes=2 * BLOCK), Piece(start_bytes=BLOCK, size_bytes=BLOCK)])


def test_a_block_map_names_ranges_and_has_the_digest_of_itself() -> None:
    nothing = ImageWriter(size_bytes=8 * BLOCK, put=len, skip=abs, cancel=CancelToken())
    result = nothing.write([Piece(start_bytes=0, size_bytes=BLOCK), Piece(start_bytes=4 * BLOCK, size_bytes=2 * BLOCK)])
    text = block_map(result.size_bytes, result.ranges)
    root = ET.fromstring(text)  # noqa: S314 - made here
    assert [element.text for element in root.iter("Range")] == [" 0 ", " 4-5 "]
    assert (root.findtext("BlocksCount"), root.findtext("MappedBlocksCount")) == (" 8 ", " 3 ")
    told = str(root.findtext("BmapFileChecksum")).strip()
    assert hashlib.sha256(text.replace(told, "0" * 64).encode()).hexdigest() == told
