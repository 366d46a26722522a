import json
import os
import tarfile
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.oci.bundle import write_bundle
from builder.oci.documents import RunSettings
from builder.oci.inventory import list_bundle
from builder.oci.parts import bundle_files
from builder.oci.verify import Expected, verify_bundle
from tests.unit.oci.made import EPOCH_S, Made, make_image

SHARED = {"usr/bin/app": b"the same program" * 1000}


def members(bundle: Path) -> dict[str, bytes]:
    """The files in the bundle, each name once."""
    with tarfile.open(bundle, "r:") as tar:
        found = [(one.name, stream.read()) for one in tar if (stream := tar.extractfile(one))]
    assert len(found) == len(dict(found))
    return dict(found)


def test_a_bundle_holds_each_blob_once(tmp_path: Path) -> None:
    make_image(tmp_path / "a", Made(reference="host.example/a:1", layers=(SHARED, {"etc/a": b"a"})))
    make_image(tmp_path / "b", Made(reference="host.example/b:1", layers=(SHARED,)))
    write_bundle([tmp_path / "b", tmp_path / "a"], tmp_path / "out.tar", epoch_s=EPOCH_S)
    found = members(tmp_path / "out.tar")
    blobs = {name: data for name, data in found.items() if name.startswith("blobs/")}
    assert all(name == f"blobs/sha256/{Digest.of_bytes(data).hex}" for name, data in blobs.items())
    assert len(blobs) == 2 + 2 + 2, "two manifests, two configs, and a shared layer beside one more"
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    entries = json.loads(found["index.json"])["manifests"]
    names = [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries]
    assert names == ["host.example/a:1", "host.example/b:1"]
    assert all(
        entry["annotations"]["io.containerd.image.name"] == name for entry, name in zip(entries, names, strict=True)
    )


@pytest.mark.parametrize(
    ("arch", "platform"),
    [
        (Arch.ARMV7, {"os": "linux", "architecture": "arm", "variant": "v7"}),
        (Arch.ARM64, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
        (Arch.AMD64, {"os": "linux", "architecture": "amd64"}),
    ],
)
def test_platforms_stand_in_index_and_config(tmp_path: Path, arch: Arch, platform: dict[str, str]) -> None:
    settings = RunSettings(
        entrypoint=("/app", "--flag"),
        user="65535:65535",
        environment={"A": "b"},
        ports=("53/udp",),
        labels={"l": "m"},
    )
    make_image(tmp_path / "a", Made(arch=arch, settings=settings))
    write_bundle([tmp_path / "a"], tmp_path / "out.tar", epoch_s=EPOCH_S)
    found = members(tmp_path / "out.tar")
    (entry,) = json.loads(found["index.json"])["manifests"]
    assert entry["platform"] == platform
    manifest = json.loads(found[f"blobs/{entry['digest'].replace(':', '/')}"])
    config = json.loads(found[f"blobs/{manifest['config']['digest'].replace(':', '/')}"])
    assert {name: config.get(name) for name in platform} == platform
    assert ("variant" in config) is ("variant" in platform)
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert config["config"] == {
        "Entrypoint": ["/app", "--flag"],
        "User": "65535:65535",
        "Env": ["A=b"],
        "ExposedPorts": {"53/udp": {}},
        "Labels": {"l": "m"},
    }


def test_equal_images_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        make_image(tmp_path / name / "a", Made())
        write_bundle([tmp_path / name / "a"], tmp_path / f"{name}.tar", epoch_s=EPOCH_S)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_two_images_of_one_name_are_told(tmp_path: Path) -> None:
    make_image(tmp_path / "a", Made())
    make_image(tmp_path / "b", Made(layers=({"other": b""},)))
    with pytest.raises(BuilderError, match=r"two images are called registry\.example\.com/app:1"):
        write_bundle([tmp_path / "a", tmp_path / "b"], tmp_path / "out.tar", epoch_s=EPOCH_S)


def test_missing_blobs_are_told_before_anything_is_written(tmp_path: Path) -> None:
    make_image(tmp_path / "a", Made())
    gone = sorted((tmp_path / "a/blobs/sha256").iterdir())
    kept = json.loads((tmp_path / "a/image.json").read_bytes())["digest"]
    for blob in gone:
        if not kept.endswith(blob.name):
            blob.unlink()
    with pytest.raises(BuilderError, match="blobs of images are missing") as caught:
        write_bundle([tmp_path / "a"], tmp_path / "out.tar", epoch_s=EPOCH_S)
    assert len(caught.value.details) == 2
    assert not (tmp_path / "out.tar").exists()


def test_a_large_bundle_becomes_parts_which_read_as_one(tmp_path: Path) -> None:
    make_image(tmp_path / "a", Made(layers=({"app": os.urandom(20_000)},)))
    whole = write_bundle([tmp_path / "a"], tmp_path / "whole.tar", epoch_s=EPOCH_S)
    size_bytes = whole.stat().st_size
    first = write_bundle([tmp_path / "a"], tmp_path / "out.tar", epoch_s=EPOCH_S, part_bytes=7000)
    parts = bundle_files(first)
    assert [one.name for one in parts] == [f"out.tar.{number:02}" for number in range(-(-size_bytes // 7000))]
    assert {one.stat().st_size for one in parts[:-1]} == {7000}
    assert b"".join(one.read_bytes() for one in parts) == whole.read_bytes()
    assert bundle_files(parts[-1]) == parts
    assert list_bundle(first) == list_bundle(whole)
    assert verify_bundle(first, Expected(arch=Arch.ARMV7), cores=1) == []
    parts[1].unlink()
    (problem,) = verify_bundle(first, Expected(arch=Arch.ARMV7), cores=1)
    assert "out.tar.01 is missing" in str(problem)


def test_what_fits_into_one_part_stays_whole(tmp_path: Path) -> None:
    make_image(tmp_path / "a", Made())
    whole = write_bundle([tmp_path / "a"], tmp_path / "whole.tar", epoch_s=EPOCH_S)
    size_bytes = whole.stat().st_size
    for name, part_bytes, count in (("same", size_bytes, 1), ("smaller", size_bytes - 1, 2)):
        first = write_bundle([tmp_path / "a"], tmp_path / f"{name}.tar", epoch_s=EPOCH_S, part_bytes=part_bytes)
        assert len(list(tmp_path.glob(f"{name}.tar*"))) == len(bundle_files(first)) == count


def test_a_last_part_that_is_missing_is_told(tmp_path: Path) -> None:
    make_image(tmp_path / "a", Made())
    first = write_bundle([tmp_path / "a"], tmp_path / "out.tar", epoch_s=EPOCH_S, part_bytes=1024)
    bundle_files(first)[-1].unlink()
    for part in bundle_files(first)[5:]:
        part.unlink()
    (problem,) = verify_bundle(first, Expected(arch=Arch.ARMV7), cores=1)
    assert "cut" in str(problem)


def test_more_parts_than_names_are_told(tmp_path: Path) -> None:
    make_image(tmp_path / "a", Made())
    with pytest.raises(BuilderError, match=r"out\.tar takes more than 100 parts"):
        write_bundle([tmp_path / "a"], tmp_path / "out.tar", epoch_s=EPOCH_S, part_bytes=100)
