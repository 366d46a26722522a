import lzma
import os
from pathlib import Path

import pytest

from builder.core.arch import host_arch
from builder.core.errors import BuilderError
from builder.formats.deb import locate_archive
from builder.io.spawn import Runner
from builder.rootfs.content import unpack_package
from builder.rootfs.native.xz import XzDecompressor
from builder.toolchain.tree import ToolsTree
from tests.unit.rootfs.samples import file, make_deb


@pytest.fixture
def nothing(tmp_path: Path) -> XzDecompressor:
    """Tools without a single program."""
    tools = ToolsTree(root=tmp_path / "none", arch=host_arch())
    return XzDecompressor(tools=tools, runner=Runner(log=tmp_path / "log"), threads=1)


def test_an_archive_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "one", [file("./a", b"content")])
    name, start, size_bytes = locate_archive(deb, "data.tar")
    assert name == "data.tar.xz"
    assert b"content" in lzma.decompress(deb.read_bytes()[start : start + size_bytes])
    deb.write_bytes(deb.read_bytes()[:-10])
    with pytest.raises(BuilderError, match=r"data\.tar\.xz is cut"):
        locate_archive(deb, "data.tar")


def test_small_archives_need_no_program(tmp_path: Path, nothing: XzDecompressor) -> None:
    (tmp_path / "small").mkdir()
    unpack_package(make_deb(tmp_path, "one", [file("./a", b"content")]), tmp_path / "small", nothing)
    assert b"content" in (tmp_path / "small" / "data.tar").read_bytes()


def test_large_archives_do(tmp_path: Path, nothing: XzDecompressor) -> None:
    (tmp_path / "large").mkdir()
    with pytest.raises(BuilderError, match="no program xz"):
        unpack_package(make_deb(tmp_path, "one", [file("./a", os.urandom(2 << 20))]), tmp_path / "large", nothing)


def test_what_becomes_large_is_not_kept_in_memory(tmp_path: Path, nothing: XzDecompressor) -> None:
    (tmp_path / "bomb").mkdir()
    unpack_package(make_deb(tmp_path, "bomb", [file("./a", bytes(70 << 20))]), tmp_path / "bomb", nothing)
    assert (tmp_path / "bomb" / "data.tar").stat().st_size > 70 << 20


def test_damage_in_a_small_archive_is_told(tmp_path: Path, nothing: XzDecompressor) -> None:
    (tmp_path / "small").mkdir()
    deb = make_deb(tmp_path, "one", [file("./a", os.urandom(5000))])
    data = bytearray(deb.read_bytes())
    data[-2000] ^= 0xFF
    deb.write_bytes(bytes(data))
    with pytest.raises(BuilderError, match=r"one_1\.0_all\.deb is damaged"):
        unpack_package(deb, tmp_path / "small", nothing)
