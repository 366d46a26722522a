"""Images that are made of a root file system, and references that are pinned."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from builder.containers.image import MadeImage, require_pinned
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import RecipeError
from builder.oci.platform import Platform

LAYER = b"a layer" * 1000


def made(place: Path) -> MadeImage:
    rootfs = place / "rootfs.tar"
    rootfs.write_bytes(LAYER)
    return MadeImage(rootfs=rootfs, layer=Digest.of_bytes(LAYER), platform=Platform.of(Arch.AMD64), epoch_s=1)


def test_the_archive_is_one_of_docker_save(tmp_path: Path) -> None:
    image = made(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.archive()))) as tar:
        files = {one.name: stream.read() for one in tar if (stream := tar.extractfile(one))}
    (listed,) = json.loads(files["manifest.json"])
    assert listed["RepoTags"] == [image.reference]
    assert [files[name] for name in listed["Layers"]] == [LAYER]
    config = files[listed["Config"]]
    assert image.digest == f"sha256:{hashlib.sha256(config).hexdigest()}"
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(LAYER).hexdigest()}"]


def test_the_name_follows_from_the_content(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert made(tmp_path).reference == made(tmp_path / "other").reference
    assert made(tmp_path).reference == f"builder-executor:{made(tmp_path).digest.hex[:16]}"


@pytest.mark.parametrize(
    "reference", [f"sha256:{'0a' * 32}", f"registry.example.com:5000/team/debian@sha256:{'0a' * 32}"]
)
def test_digests_pin(reference: str) -> None:
    require_pinned(reference)


@pytest.mark.parametrize("reference", ["debian", "debian:13", "debian@sha256:12", "debian@md5:" + "0" * 64, "0" * 64])
def test_names_do_not(reference: str) -> None:
    with pytest.raises(RecipeError, match="is not pinned"):
        require_pinned(reference)
