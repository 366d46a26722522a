"""Which image, and which machine for it."""

import json
from pathlib import Path

import pytest

from builder.app.images import find_image
from builder.app.manifest import Manifest, ManifestArtifact, ManifestInputs
from builder.app.run.find import choose
from builder.core.arch import Arch
from builder.core.errors import RecipeError

MACHINES = Path(__file__).parents[4] / "recipes" / "machines"
IMAGE = bytes(510) + b"\x55\xaa"


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(IMAGE)
    return path


def describe(image: Path, arch: Arch, boards: dict[str, dict[str, object]]) -> None:
    artifact = ManifestArtifact(path=image.name, digest="sha256:0", size_bytes=512, step="x", checked=())
    inputs = ManifestInputs(recipe={"boards": boards}, epoch_s=0, sources={}, modules=(), tools={})
    manifest = Manifest(builder="1", name="edge", arch=arch, artifacts=(artifact,), inputs=inputs, steps=(), times={})
    (image.parent / "manifest.json").write_bytes(manifest.to_bytes())


def test_a_directory_stands_for_the_image_below_it(tmp_path: Path) -> None:
    put(tmp_path / "image/board/edge.img.zst")
    raw = put(tmp_path / "image/board/edge.img")
    assert find_image(tmp_path) == raw


def test_several_images_are_listed(tmp_path: Path) -> None:
    paths = [put(tmp_path / name / "edge.img.zst") for name in ("a", "b")]
    with pytest.raises(RecipeError, match="there are 2 images below") as caught:
        find_image(tmp_path)
    assert caught.value.details == tuple(map(str, paths))


def test_no_image_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no image below"):
        find_image(tmp_path)
    with pytest.raises(RecipeError, match=r"there is no .*/none"):
        find_image(tmp_path / "none")


def test_the_board_of_the_manifest_names_the_machine_that_comes_furthest(tmp_path: Path) -> None:
    image = put(tmp_path / "m2" / "edge.img")
    describe(image, Arch.ARMV7, {"m2": {"machines": {"orangepi-pc": "loader", "bpim2u": "running"}}, "other": {}})
    assert choose(image, None, MACHINES).machine_name == "bpim2u"


def test_a_board_that_nothing_emulates_is_told(tmp_path: Path) -> None:
    image = put(tmp_path / "rock64" / "edge.img")
    describe(image, Arch.ARM64, {"rock64": {"machines": {}}})
    with pytest.raises(RecipeError, match="no machine emulates the board"):
        choose(image, None, MACHINES)
    assert choose(image, "virt-arm64", MACHINES).why == "as asked for"


def test_a_machine_of_another_architecture_is_told(tmp_path: Path) -> None:
    image = put(tmp_path / "board" / "edge.img")
    describe(image, Arch.ARM64, {})
    with pytest.raises(RecipeError, match=r"edge\.img is for arm64, and the machine bpim2u is of armv7"):
        choose(image, "bpim2u", MACHINES)


@pytest.mark.parametrize("name", ["armv7/edge.img", "edge-armv7.img", "edge-generic-armv7.img.d/x.img"])
def test_without_a_manifest_the_path_may_say_enough(name: str, tmp_path: Path) -> None:
    chosen = choose(put(tmp_path / name), None, MACHINES)
    assert (chosen.machine_name, chosen.why.split(",")[0]) == ("virt-armv7", "the path says armv7")


def test_an_image_of_which_nothing_is_known_is_told(tmp_path: Path) -> None:
    image = put(tmp_path / "edge.img")
    (tmp_path / "manifest.json").write_text(json.dumps({"manifest": 1}))
    with pytest.raises(RecipeError, match="nothing says which machine"):
        choose(image, None, MACHINES)
