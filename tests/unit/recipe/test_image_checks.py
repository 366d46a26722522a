"""What must hold between values of the sections image and boards."""

from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.image.facts import BUSYBOX_PACKAGE
from builder.recipe.load import load_recipe
from builder.recipe.packages import board_packages

ROOT = Path(__file__).parents[3]


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {ROOT}/recipes/edge.yaml\n{text}")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, cwd=tmp_path)
    return list(caught.value.details)


def test_a_misspelt_board_and_one_of_another_architecture_are_told(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "image: {boards: {armv7: [generic-armv8], arm64: [generic-amd64]}}\n")
    assert told[0].startswith(
        "mine.yaml:2:26: image.boards.armv7[0]: unknown board 'generic-armv8'; did you mean 'generic-armv7'? known: "
    )
    assert told[1:] == ["mine.yaml:2:50: image.boards.arm64[0]: the board generic-amd64 is of amd64, not arm64"]


def test_images_need_their_section_and_boards_for_every_architecture(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "outputs: [image]\nimage: null\n") == [
        "mine.yaml:2:11: outputs: images need the section image, which is missing"
    ]
    told = mistakes(tmp_path, "outputs: [image]\narchitectures: [arm64]\nimage: {boards: {arm64: null}}\n")
    assert told == ["mine.yaml:3:17: architectures: arm64 has no image: image.boards.arm64 is missing"]


def test_a_file_of_the_boot_partition_has_one_content(tmp_path: Path) -> None:
    section = """\
boards:
  generic-armv7:
    files:
      a.txt: {}
      b.txt: {content: x, script: y}
      c.txt: {package: u-boot-rpi}
      d.txt: {content: x, file: y}
"""
    assert mistakes(tmp_path, section) == [
        'mine.yaml:5:7: boards.generic-armv7.files."a.txt": needs one of package, device_tree, content, script',
        'mine.yaml:6:7: boards.generic-armv7.files."b.txt": only one of content, script can be given',
        (
            'mine.yaml:7:7: boards.generic-armv7.files."c.txt": package and file belong together:'
            " the package, and the path in it"
        ),
        (
            'mine.yaml:8:7: boards.generic-armv7.files."d.txt": package and file belong together:'
            " the package, and the path in it"
        ),
    ]


def test_unknown_keys_of_boards_are_told(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, "boards: {generic-armv7: {loader: {}}}\n")
    assert told.startswith("mine.yaml:2:26: boards.generic-armv7.loader: unknown key; did you mean 'loaders'?")


def test_packages_of_boards_are_told_with_the_key_that_asks_for_them() -> None:
    recipe = load_recipe(ROOT / "recipes/edge.yaml", cwd=ROOT).recipe
    packages = board_packages(recipe, Arch.ARMV7)
    assert packages["u-boot-sunxi"] == "boards.bananapi-m2-ultra.loaders.u-boot.package"
    assert packages["grub-efi-arm-bin"].endswith(".firmware")
    assert BUSYBOX_PACKAGE in packages
    assert "grub-pc-bin" not in packages
