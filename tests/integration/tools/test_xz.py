"""Large archives of packages, decompressed by the xz of the tools."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.rootfs.content import unpack_package
from builder.rootfs.native.xz import XzDecompressor
from tests.integration.tools.conftest import Tools
from tests.unit.rootfs.samples import file, make_deb


@pytest.fixture
def decompress(tools: Tools, tmp_path: Path) -> Iterator[XzDecompressor]:
    with Leash() as leash:
        runner = Runner(log=tmp_path / "log", leash=leash)
        yield XzDecompressor(tools=tools("archives"), runner=runner, threads=2)


def test_the_program_and_python_give_the_same(decompress: XzDecompressor, tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "large", [file("./a", os.urandom(3 << 20)), file("./b", b"b" * 1000)])
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    unpack_package(deb, tmp_path / "one", decompress)
    unpack_package(deb, tmp_path / "two")
    for name in ("data.tar", "control.tar", "members.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["control.tar", "data.tar", "members.json"]


def test_damage_in_a_large_archive_is_told(decompress: XzDecompressor, tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "large", [file("./a", os.urandom(3 << 20))])
    data = bytearray(deb.read_bytes())
    data[len(data) // 2] ^= 0xFF
    deb.write_bytes(bytes(data))
    (tmp_path / "one").mkdir()
    with pytest.raises(BuilderError, match=r"large_1\.0_all\.deb is damaged"):
        unpack_package(deb, tmp_path / "one", decompress)
