"""What stands for a board's firmware, out of a FAT partition that mtools fill."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.toolchain.tree import ToolsTree
from builder.vm.card import place_card_files
from builder.vm.machine import Bench
from builder.vm.model import Card

MIB = 1 << 20
FAT32, LINUX = 0x0C, 0x83
FILES = {"u-boot.bin": b"loader", "board.dtb": b"tree"}
CARD = Card(kernel="u-boot.bin", devicetree="board.dtb")


@pytest.fixture
def card(tree: Callable[[str], ToolsTree], bench: Bench, tmp_path: Path) -> Path:
    """A card with one partition."""
    image, tools = tmp_path / "card.img", tree("filesystem")
    with image.open("wb") as stream:
        stream.write(bytes(446) + table_entry(FAT32) + bytes(48) + b"\x55\xaa")
        stream.truncate(9 * MIB)
    bench.runner.run(
        tools.command("mformat", "-i", f"{image}@@{MIB}", "-T", str(8 * MIB // 512), "-h", "2", "-s", "4", "::")
    )
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
        bench.runner.run(tools.command("mcopy", "-i", f"{image}@@{MIB}", tmp_path / name, f"::{name}"))
    return image


def table_entry(kind: int) -> bytes:
    return struct.pack("<4xB3xII", kind, MIB // 512, 8 * MIB // 512)


def place(card: Card, image: Path, bench: Bench, tree: Callable[[str], ToolsTree]) -> None:
    place_card_files(card, image, bench.directory, mtools=tree("filesystem"), runner=bench.runner)


def test_the_loader_and_the_device_tree_are_taken_out(
    card: Path, bench: Bench, tree: Callable[[str], ToolsTree]
) -> None:
    place(CARD, card, bench, tree)
    assert [(bench.directory / name).read_bytes() for name in ("kernel", "devicetree")] == [b"loader", b"tree"]


def test_a_card_for_another_board_is_told(card: Path, bench: Bench, tree: Callable[[str], ToolsTree]) -> None:
    with pytest.raises(BuilderError, match=r"is not for this machine: its first partition has no file other\.dtb"):
        place(Card(kernel="u-boot.bin", devicetree="other.dtb"), card, bench, tree)


def test_a_card_without_fat_is_told(card: Path, bench: Bench, tree: Callable[[str], ToolsTree]) -> None:
    with card.open("r+b") as stream:
        stream.seek(446)
        stream.write(table_entry(LINUX))
    with pytest.raises(BuilderError, match=r"the first partition of .*card\.img is no FAT partition"):
        place(CARD, card, bench, tree)
