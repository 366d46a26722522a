"""Files with disks in them; qemu-img itself is in tests/integration/vm."""

import lzma
import struct
from pathlib import Path

import pytest
import zstandard

from builder.core.errors import BuilderError, RecipeError
from builder.formats.diskimage import ImageFormat, identify_image
from builder.vm.images import disk_size, unpack

MIB = 1 << 20
TABLE = bytes(510) + b"\x55\xaa"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (TABLE + bytes(512), ImageFormat.RAW),
        (b"QFI\xfb" + bytes(600), ImageFormat.QCOW2),
        (zstandard.compress(TABLE), ImageFormat.ZST),
        (lzma.compress(TABLE), ImageFormat.XZ),
    ],
)
def test_images_are_known_by_their_content(content: bytes, kind: ImageFormat, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    assert identify_image(tmp_path / "x") is kind


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", bytes(4096), b"\x7fELF".ljust(512, b"\0")])
def test_what_is_no_image_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(RecipeError, match="is no image of a disk"):
        identify_image(tmp_path / "x")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is a directory, not an image"):
        identify_image(tmp_path)
    with pytest.raises(RecipeError, match="cannot be read: No such file"):
        identify_image(tmp_path / "none")


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        (ImageFormat.ZST, [zstandard.compress(TABLE), zstandard.compress(bytes(3 * MIB))]),
        (ImageFormat.XZ, [lzma.compress(TABLE), lzma.compress(bytes(3 * MIB))]),
    ],
)
def test_images_are_unpacked_with_holes(kind: ImageFormat, pieces: list[bytes], tmp_path: Path) -> None:
    """Compressors that work in several threads write several frames."""
    (tmp_path / "x").write_bytes(b"".join(pieces))
    disk = unpack(tmp_path / "x", kind, tmp_path / "disk")
    assert disk.read_bytes() == TABLE + bytes(3 * MIB)
    assert disk.stat().st_blocks * 512 < MIB


@pytest.mark.parametrize("kind", [ImageFormat.ZST, ImageFormat.XZ])
def test_damage_is_told_and_nothing_is_left(kind: ImageFormat, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes((b"\x28\xb5\x2f\xfd" if kind is ImageFormat.ZST else b"\xfd7zXZ\x00") + b"\xff" * 5000)
    with pytest.raises(BuilderError, match="x is damaged: "):
        unpack(tmp_path / "x", kind, tmp_path / "disk")
    assert not (tmp_path / "disk").exists()


@pytest.mark.parametrize("kind", [ImageFormat.ZST, ImageFormat.XZ])
def test_an_image_that_was_cut_off_is_told(kind: ImageFormat, tmp_path: Path) -> None:
    pack = zstandard.compress if kind is ImageFormat.ZST else lzma.compress
    (tmp_path / "x").write_bytes(pack(bytes(range(256)) * 40000)[:-40])
    with pytest.raises(BuilderError, match="x is damaged: "):
        unpack(tmp_path / "x", kind, tmp_path / "disk")


def test_sizes_of_disks(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(TABLE)
    (tmp_path / "qcow2").write_bytes(struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 5 * MIB))
    (tmp_path / "short").write_bytes(b"QFI\xfb")
    assert disk_size(tmp_path / "raw", ImageFormat.RAW) == 512
    assert disk_size(tmp_path / "qcow2", ImageFormat.QCOW2) == 5 * MIB
    with pytest.raises(BuilderError, match="ends within its header"):
        disk_size(tmp_path / "short", ImageFormat.QCOW2)
