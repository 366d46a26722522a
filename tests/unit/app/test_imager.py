"""The list for Raspberry Pi Imager."""

import json
from pathlib import Path

import pytest

from builder.app.imager import imager_list
from builder.app.manifest import Manifest, ManifestArtifact, ManifestInputs
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError

BOARDS: dict[str, object] = {
    "raspberry-pi-4": {"title": "Raspberry Pi 4 Model B", "imager": ["pi4-64bit"]},
    "rock64": {"title": "Rock64", "imager": []},
}
RAW, PACKED = Digest.of_bytes(b"raw"), Digest.of_bytes(b"packed")


def put(out: Path, board: str, *files: str) -> Path:
    place = out / "edge/arm64/image" / board
    place.mkdir(parents=True)
    artifacts = tuple(
        ManifestArtifact(path=name, digest=PACKED, size_bytes=100 + index, step="x", checked=())
        for index, name in enumerate(files)
    )
    inputs = ManifestInputs(recipe={"boards": BOARDS}, epoch_s=1790000000, sources={}, modules=(), tools={})
    manifest = Manifest(
        builder="1", name="edge", arch=Arch.ARM64, artifacts=artifacts, inputs=inputs, steps=(), times={}
    )
    (place / "manifest.json").write_bytes(manifest.to_bytes())
    described = {"name": "edge.img", "digest": RAW, "size_bytes": 4096, "disk_id": "0", "partitions": []}
    (place / "image.json").write_text(json.dumps(described))
    return place


def test_boards_that_imager_knows_are_listed(tmp_path: Path) -> None:
    put(tmp_path, "raspberry-pi-4", "edge.img.zst", "edge.img.xz", "edge.img.bmap")
    put(tmp_path, "rock64", "edge.img.xz")
    assert imager_list(tmp_path, "https://images.example/x/") == {
        "os_list": [
            {
                "name": "edge (Raspberry Pi 4 Model B)",
                "description": "edge for Raspberry Pi 4 Model B, arm64",
                "icon": "",
                "url": "https://images.example/x/edge/arm64/image/raspberry-pi-4/edge.img.xz",
                "extract_size": 4096,
                "extract_sha256": RAW.hex,
                "image_download_size": 101,
                "image_download_sha256": PACKED.hex,
                "release_date": "2026-09-21",
                "init_format": "none",
                "devices": ["pi4-64bit"],
            }
        ]
    }


def test_nothing_to_list_is_told(tmp_path: Path) -> None:
    put(tmp_path, "rock64", "edge.img.xz")
    with pytest.raises(RecipeError, match=r"no image below .* that Raspberry Pi Imager knows"):
        imager_list(tmp_path, "https://images.example")


def test_an_image_without_its_manifest_is_told(tmp_path: Path) -> None:
    (put(tmp_path, "raspberry-pi-4", "edge.img.xz") / "manifest.json").unlink()
    with pytest.raises(BuilderError, match="has no image of this builder"):
        imager_list(tmp_path, "https://images.example")
