"""Whole images: every form holds the same bytes, and says so."""

import hashlib
import json
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest
import zstandard

from builder.core.resources import MIB
from builder.formats.diskimage import ImageFormat
from builder.image.disk import Contents, DiskWriter, LoaderBytes, pieces_of
from builder.image.filesystems import FilesystemMaker
from builder.image.layout import Layout, Sizes, plan_layout
from builder.image.pieces import Written
from builder.io.files import is_disk_full
from builder.toolchain.tree import ToolsTree
from tests.integration.engine.mounts import small_file_system

Write = Callable[[str, Sequence[ImageFormat], int], tuple[Path, Written, Layout]]


@pytest.fixture
def write(maker: FilesystemMaker, tools: Callable[[str], ToolsTree], tmp_path: Path) -> Write:
    """Writes an image with a slot of random bytes into a new directory."""
    (tmp_path / "file").write_text("x")
    maker.boot({"file": tmp_path / "file"}, tmp_path / "boot", volume_id=7)
    used = maker.data(tmp_path / "data", size_bytes=16 * MIB, uuid=UUID(int=7))
    (tmp_path / "slot").write_bytes(hashlib.shake_256(b"slot").digest(3 * MIB + 5))
    sizes = Sizes(card_bytes=400 * MIB, slot_bytes=8 * MIB, data_bytes=16 * MIB)
    layout = plan_layout(sizes, slot_content_bytes=3 * MIB + 5, disk_id=0xC0FFEE01)
    contents = Contents(
        boot=tmp_path / "boot",
        slot=tmp_path / "slot",
        data=tmp_path / "data",
        data_used=used,
        loaders=[LoaderBytes(what="the loader", offset_bytes=8192, data=b"loader")],
    )

    def written(name: str, formats: Sequence[ImageFormat], cores: int) -> tuple[Path, Written, Layout]:
        place, scratch = tmp_path / name, tmp_path / f"{Path(name).name}-scratch"
        place.mkdir()
        scratch.mkdir()
        writer = DiskWriter(
            name="test",
            formats=formats,
            filesystem=tools("filesystem"),
            emulator=tools("qemu"),
            runner=maker.runner,
            scratch=scratch,
            cores=cores,
        )
        return place, writer.run(pieces_of(contents, layout), layout, place), layout

    return written


def test_every_form_holds_the_same_image(
    write: Write, tools: Callable[[str], ToolsTree], maker: FilesystemMaker
) -> None:
    place, written, layout = write("all", tuple(ImageFormat), 2)
    raw = (place / "test.img").read_bytes()
    assert len(raw) == written.size_bytes == layout.size_bytes
    assert written.digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert json.loads((place / "image.json").read_text())["digest"] == written.digest
    with (place / "test.img.zst").open("rb") as stream:
        assert zstandard.ZstdDecompressor().stream_reader(stream).read() == raw
    assert lzma.decompress((place / "test.img.xz").read_bytes()) == raw
    maker.runner.run(tools("qemu").command("qemu-img", "compare", place / "test.img", place / "test.qcow2"))
    # The file has holes where nothing has to be written.
    assert (place / "test.img").stat().st_blocks * 512 < len(raw) // 2
    assert raw[8192:8198] == b"loader"


def test_the_table_is_what_others_read_out_of_it(
    write: Write, tools: Callable[[str], ToolsTree], maker: FilesystemMaker
) -> None:
    place, _, layout = write("raw", [ImageFormat.RAW], 1)
    said = maker.runner.capture(tools("filesystem").command("sfdisk", "--json", place / "test.img"))
    table = json.loads(said)["partitiontable"]
    assert (table["label"], table["id"]) == ("dos", "0xc0ffee01")
    assert [(one["start"] * 512, one["size"] * 512) for one in table["partitions"]] == [
        (one.start_bytes, one.size_bytes) for one in layout.partitions
    ]
    assert [(one["type"], one.get("bootable", False)) for one in table["partitions"]] == [
        ("c", True), ("83", False), ("83", False), ("83", False),
    ]  # fmt: skip


def test_an_image_is_the_same_with_any_number_of_cores(write: Write) -> None:
    formats = [ImageFormat.ZST, ImageFormat.XZ]
    one, two = (write(f"cores-{cores}", formats, cores)[0] for cores in (1, 2))
    names = sorted(path.name for path in one.iterdir())
    assert names == ["image.json", "test.img.bmap", "test.img.xz", "test.img.zst"]
    assert {name: (one / name).read_bytes() for name in names} == {name: (two / name).read_bytes() for name in names}


def test_a_disk_that_becomes_full_is_an_error_and_no_half_image(write: Write, tmp_path: Path) -> None:
    # What a step left behind when it failed is thrown away with its directory; here it must only not pass for an image.
    with (
        small_file_system(tmp_path / "small", 1 * MIB) as small,
        pytest.raises(OSError, match="No space left") as caught,
    ):
        write("small/image", [ImageFormat.ZST], 1)
    assert is_disk_full(caught.value)
    assert not (small / "image" / "image.json").exists()
