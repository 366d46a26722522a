"""What no emulator starts is checked piece by piece: loaders, boot partitions, device trees, modules that lead to the card."""

import re
import struct
from itertools import pairwise

import pytest

from builder.formats.fdt import read_fdt
from builder.image.layout import FIRST_PARTITION_BYTES
from builder.image.loaders import loader_problems
from builder.recipe.load import load_recipe
from tests.integration.boards.card import card_drivers
from tests.integration.boards.parts import ROOT, BoardParts, first_bytes
from tests.integration.tools.bench import Workbench

BOARDS = load_recipe(ROOT / "recipes/edge.yaml", cwd=ROOT).recipe.boards
WITH_LOADERS = [name for name, board in BOARDS.items() if board.loaders]
PIS = [name for name in BOARDS if name.startswith("raspberry-pi")]
TREES = [
    *((name, board.device_tree) for name, board in BOARDS.items() if board.device_tree),
    *((name, file.device_tree) for name, board in BOARDS.items() for file in board.files.values() if file.device_tree),
    # U-Boot's own, which is the kernel's.
    ("bananapi-m2-ultra", "sun8i-r40-bananapi-m2-ultra.dtb"),
]
_MBR_BYTES = 512

pytestmark = pytest.mark.network


@pytest.mark.parametrize("name", WITH_LOADERS)
def test_loaders_are_whole_and_apart(name: str, bench: Workbench) -> None:
    parts = BoardParts(name=name, bench=bench)
    end = _MBR_BYTES
    for loader in sorted(parts.image.input.loaders, key=lambda one: one.offset_bytes):
        assert loader.check is not None
        data = parts.loader(loader.package, loader.file)
        assert loader_problems(loader.check, data) == []
        assert loader_problems(loader.check, bytes(32) + data[32:])
        assert loader.offset_bytes >= end
        end = loader.offset_bytes + len(data)
    assert end <= FIRST_PARTITION_BYTES


@pytest.mark.parametrize("name", BOARDS)
def test_boot_partitions_hold_what_starts_grub(name: str, bench: Workbench) -> None:
    parts = BoardParts(name=name, bench=bench)
    files = parts.boot_files
    programs = [path for path in files if path.startswith("EFI/BOOT/")]
    assert [files[path][:2] for path in programs] == [b"MZ"]
    assert {"grub/grub.cfg", "grub/grubenv", "grub/grubenv2", *parts.board.files} <= set(files)
    assert len({files["grub/grubenv"], files["grub/grubenv2"]}) == 1
    assert len(files["grub/grubenv"]) == 1024
    scripts = [data for path, data in files.items() if path.endswith(".scr")]
    for script in scripts:
        assert programs[0].encode() in script
    for path in (path for path in files if path.endswith(".dtb")):
        assert read_fdt(files[path]).strings("compatible")


@pytest.mark.parametrize("name", PIS)
def test_raspberry_pis_find_what_their_settings_name(name: str, bench: Workbench) -> None:
    files = BoardParts(name=name, bench=bench).boot_files
    settings = dict(line.split("=") for line in files["config.txt"].decode().splitlines())
    assert files[settings["kernel"]]
    start = {path.removesuffix(".elf").removeprefix("start") for path in files if path.endswith(".elf")}
    fixup = {path.removesuffix(".dat").removeprefix("fixup") for path in files if path.endswith(".dat")}
    assert start == fixup == {"4" if name.endswith("-4") else ""}
    # The Raspberry Pi 4 has the first stage in a chip of its own.
    assert ("bootcode.bin" in files) == (name != "raspberry-pi-4")
    assert ("arm_64bit" in settings) == (BOARDS[name].architecture.value == "arm64")
    models = [model for path in files if path.endswith(".dtb") for model in read_fdt(files[path]).strings("model")]
    assert models
    assert all(model.startswith("Raspberry Pi") for model in models)


@pytest.mark.parametrize(("name", "tree"), TREES)
def test_initrds_have_what_leads_to_the_card(name: str, tree: str, bench: Workbench) -> None:
    parts = BoardParts(name=name, bench=bench)
    root = parts.device_tree(tree)
    needed = card_drivers(root, parts.aliases)
    built_in = {re.sub(r".*/|\.ko$", "", line).replace("-", "_") for line in parts.built_in.split()}
    asked_for = [drivers for drivers in needed if not drivers & built_in]
    assert asked_for
    assert [sorted(drivers) for drivers in asked_for if not drivers & parts.modules] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_disks_begin_as_their_boards_expect(name: str, bench: Workbench) -> None:
    parts = BoardParts(name=name, bench=bench)
    check_beginning(parts, first_bytes(parts.whole(), FIRST_PARTITION_BYTES + 512))


def check_beginning(parts: BoardParts, disk: bytes) -> None:
    assert disk[510:512] == b"\x55\xaa"
    rows = [struct.unpack_from("<B3xB3xII", disk, 446 + 16 * number) for number in range(4)]
    assert [(active, kind) for active, kind, _, _ in rows] == [(0x80, 0x0C), (0, 0x83), (0, 0x83), (0, 0x83)]
    assert rows[0][2] * 512 == FIRST_PARTITION_BYTES
    assert all(one[2] + one[3] <= other[2] for one, other in pairwise(rows))
    for loader in parts.image.input.loaders:
        data = parts.loader(loader.package, loader.file)
        assert disk[loader.offset_bytes :].startswith(data)
    # The FAT's own first sector, and the disk's identity, by which the initrd finds its partitions.
    assert disk[FIRST_PARTITION_BYTES + 82 :][:5] == b"FAT32"
    assert struct.unpack_from("<I", disk, 440) == (parts.image.input.disk_id,)
