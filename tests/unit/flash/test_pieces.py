"""Cutting and counting; devices themselves are in tests/integration/flash."""

import hashlib
from pathlib import Path

import pytest

from builder.cli.render.messages import progress_text
from builder.core.digest import Digest
from builder.core.errors import BuilderError, InterruptedBuildError
from builder.core.events import Event, StepProgress
from builder.flash.flash import gaps, needed_bytes
from builder.flash.journal import Journal
from builder.flash.meter import Meter
from builder.flash.pieces import CHUNK_BYTES, Chunk, Cutter, Pool
from builder.flash.source import find_map, open_image
from builder.formats.blockmap import MappedRange, block_map
from builder.io.cancel import CancelToken

MIB = 1 << 20


def write_image(path: Path, size: int, *ranges: tuple[int, int]) -> bytes:
    content = bytearray((bytes(range(256)) * (size // 256 + 1))[:size])
    content[510:512] = b"\x55\xaa"
    path.write_bytes(content)
    mapped = [
        MappedRange(
            first=first, last=last, sha256=hashlib.sha256(content[first * 4096 : (last + 1) * 4096]).hexdigest()
        )
        for first, last in ranges
    ]
    path.with_name(f"{path.name}.bmap").write_text(block_map(size, mapped))
    return bytes(content)


def cutter(sector_bytes: int = 512, buffers: int = 2) -> Cutter:
    return Cutter(pool=Pool(buffers), readers=1, sector_bytes=sector_bytes, cancel=CancelToken())


def test_pieces_are_what_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "x.img"
    # 5 MiB and a part of a block.
    size = 5 * MIB + 512
    content = write_image(path, size, (0, 0), (2, 700), (1280, 1280))
    image = open_image(path, find_map(path), CancelToken())
    seen = []
    for piece in cutter(4096).cut(image):
        seen.append((piece.chunk.offset, piece.chunk.length))
        data = bytes(piece.data)
        assert data.rstrip(b"\0") == content[piece.chunk.offset : piece.chunk.offset + len(data)].rstrip(b"\0")
        assert piece.chunk.sha256 == hashlib.sha256(data).digest()
        piece.release()
    assert seen == [
        (0, 4096), (8192, CHUNK_BYTES), (8192 + CHUNK_BYTES, 699 * 4096 - CHUNK_BYTES), (1280 * 4096, 4096)
    ]  # fmt: skip
    assert gaps(image, 4096) == [(4096, 4096), (701 * 4096, 579 * 4096)]
    assert (needed_bytes(image, 512), needed_bytes(image, 4096)) == (size, 5 * MIB + 4096)


def test_an_altered_range_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.img"
    content = bytearray(write_image(path, 5 * MIB, (0, 0), (2, 700)))
    content[700 * 4096] ^= 1
    path.write_bytes(content)
    pieces = cutter(buffers=3).cut(open_image(path, find_map(path), CancelToken()))
    with pytest.raises(BuilderError, match=f"bytes 8192 to {701 * 4096 - 1} differ"):
        list(pieces)


def test_who_has_no_buffer_can_be_ended() -> None:
    cancel = CancelToken()
    pool = Pool(1)
    pool.take(cancel)
    cancel.set()
    with pytest.raises(InterruptedBuildError):
        pool.take(cancel)


@pytest.mark.parametrize("name", ["x.img", "x.img.zst", "x.img.xz"])
@pytest.mark.parametrize("found", ["x.img.bmap", "x.bmap"])
def test_maps_beside_images(name: str, found: str, tmp_path: Path) -> None:
    assert find_map(tmp_path / name) is None
    (tmp_path / found).touch()
    assert find_map(tmp_path / name) == tmp_path / found


def test_journals(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path / "new", content=Digest.of_bytes(b"x"), device="A1")
    assert not journal.read()
    chunks = [Chunk(offset=0, length=4096, sha256=bytes(32))]
    journal.write(chunks)
    assert journal.read() == chunks
    assert not Journal.of(tmp_path / "new", content=Digest.of_bytes(b"x"), device="A2").read()
    # What was there before is gone once something else is written.
    other = Journal.of(tmp_path / "new", content=Digest.of_bytes(b"y"), device="A1")
    assert not other.read()
    other.write(chunks)
    assert not journal.read()
    journal.write(chunks)
    journal.path.write_bytes(journal.path.read_bytes()[:-3])
    assert not journal.read()


def test_rate_and_remaining_time() -> None:
    now_s = [100.0]
    told: list[Event] = []
    meter = Meter(told.append, "flash/sdb", "write", 100 * MIB, clock=lambda: now_s[0])
    meter.add(20 * MIB, skipped=True)
    assert not told
    now_s[0] += 2
    meter.add(20 * MIB)
    meter.add(MIB)
    (event,) = told
    assert isinstance(event, StepProgress)
    assert (event.done, event.rate, event.left_s) == (40 * MIB, 10 * MIB, 6.0)
    assert progress_text([event]) == "write 40.0 MiB of 100.0 MiB, 10.0 MiB/s, a few seconds left"
