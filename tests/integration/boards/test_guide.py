"""The board of the guide, added by its file alone, has all that an image needs."""

import re
from pathlib import Path

import pytest

from builder.image.loaders import loader_problems
from tests.integration.boards.card import card_drivers
from tests.integration.boards.parts import ROOT, BoardParts
from tests.integration.tools.bench import Workbench

_FILE = re.compile(r"^```yaml\n# (boards/\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.network


def test_the_board_of_the_guide(bench: Workbench, tmp_path: Path) -> None:
    ((name, text),) = _FILE.findall((ROOT / "docs/guides/boards.md").read_text())
    for directory in ("recipes", "cluster", "overlays"):
        (tmp_path / directory).symlink_to(ROOT / directory)
    recipe = tmp_path / name
    recipe.parent.mkdir()
    recipe.write_text(text)
    parts = BoardParts(name="nanopi-neo", bench=bench, recipe=recipe)
    (loader,) = parts.image.input.loaders
    assert loader.check is not None
    assert loader_problems(loader.check, parts.loader(loader.package, loader.file)) == []
    assert {"boot.scr", "EFI/BOOT/BOOTARM.EFI"} <= set(parts.boot_files)
    assert parts.board.device_tree is not None
    tree = parts.device_tree(parts.board.device_tree)
    assert tree.strings("model") == ("FriendlyARM NanoPi NEO",)
    assert all(drivers & parts.modules for drivers in card_drivers(tree, parts.aliases))
