"""Images out of files that others wrote."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.digest import Digest, canonical_json
from builder.core.errors import BuilderError, VerificationError
from builder.oci.bundle import write_bundle
from builder.oci.documents import INDEX, MANIFEST, Origin, blob_path, index_bytes
from builder.oci.image import read_note
from builder.oci.inventory import list_bundle
from builder.oci.ready import ReadyImage
from builder.oci.verify import Expected, verify_bundle
from tests.unit.oci.made import EPOCH_S, Made, make_image

REFERENCE = "registry.example.com/app:1"
FILES = {"usr/bin/app": b"program", "etc/app": b"settings"}


def taken(source: Path, directory: Path, reference: str = REFERENCE, arch: Arch = Arch.ARMV7) -> str:
    """The digest of the image that is taken; a bundle of it is complete."""
    directory.mkdir()
    ReadyImage(reference=reference, arch=arch).take(source, directory, cores=1)
    bundle = directory.with_suffix(".tar")
    write_bundle([directory], bundle, epoch_s=EPOCH_S)
    assert verify_bundle(bundle, Expected(arch=arch, needed={reference: ["x"]}, exact=True), cores=1) == []
    assert read_note(directory).origin is Origin.ARCHIVE
    return list_bundle(bundle)[0].digest


def archive(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return path


def test_a_layout_in_a_tar_keeps_its_digests(tmp_path: Path) -> None:
    note = make_image(tmp_path / "a", Made(layers=(FILES, {"b": b""})))
    write_bundle([tmp_path / "a"], tmp_path / "layout.tar", epoch_s=EPOCH_S)
    assert taken(tmp_path / "layout.tar", tmp_path / "taken") == note.manifest.digest


def test_an_image_is_found_by_its_name_and_by_its_platform(tmp_path: Path) -> None:
    blobs: dict[str, bytes] = {}
    entries, digests = [], {}
    for name in ("one", "two"):
        platforms = []
        for arch in Arch:
            note = make_image(tmp_path / f"{name}-{arch}", Made(arch=arch, layers=({"name": name.encode()},)))
            platforms.append({**note.manifest.fields, "platform": note.platform.fields})
            digests[name, arch] = note.manifest.digest
            found = (tmp_path / f"{name}-{arch}/blobs/sha256").iterdir()
            blobs |= {f"blobs/sha256/{blob.name}": blob.read_bytes() for blob in found}
        index = index_bytes(platforms)
        blobs[blob_path(Digest.of_bytes(index))] = index
        names = {"org.opencontainers.image.ref.name": f"docker.io/library/{name}:1"}
        entries.append({"mediaType": INDEX, "digest": Digest.of_bytes(index), "size": len(index), "annotations": names})
    top = {"index.json": index_bytes(entries), "oci-layout": b"{}"}
    directory = tmp_path / "layout"
    for path, data in {**top, **blobs}.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    for number, source in enumerate((directory, archive(tmp_path / "layout.tar", {**top, **blobs}))):
        for (name, arch), digest in digests.items():
            where = tmp_path / f"taken-{number}-{name}-{arch}"
            assert taken(source, where, f"docker.io/library/{name}:1", arch) == digest
    with pytest.raises(BuilderError, match=r"the archive has no image docker\.io/library/three:1") as caught:
        taken(directory, tmp_path / "three", "docker.io/library/three:1")
    assert caught.value.details == ("it has docker.io/library/one:1", "it has docker.io/library/two:1")


def docker(*, diff_id: str = "", arch: str = "arm") -> dict[str, bytes]:
    """The files of what older 'docker save' writes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    layer = target.getvalue()
    found = diff_id or Digest.of_bytes(layer)
    config = {
        "architecture": arch,
        "os": "linux",
        "config": {"Cmd": ["/app"]},
        "rootfs": {"type": "layers", "diff_ids": [found, found]},
    }
    entry = {"Config": "c.json", "RepoTags": ["registry.example.com/app:1"], "Layers": ["l1/layer.tar", "l2/layer.tar"]}
    return {
        "l1/layer.tar": layer,
        "c.json": json.dumps(config).encode(),
        "manifest.json": json.dumps([entry, {**entry, "RepoTags": None}]).encode(),
    }


def test_what_docker_save_writes_becomes_an_image_of_oci(tmp_path: Path) -> None:
    source = archive(tmp_path / "save.tar", docker(), {"l2/layer.tar": "../l1/layer.tar"})
    first = taken(source, tmp_path / "taken")
    assert first == taken(source, tmp_path / "again")
    manifest = json.loads((tmp_path / "taken" / blob_path(first)).read_bytes())
    assert manifest["mediaType"] == MANIFEST
    assert len({layer["digest"] for layer in manifest["layers"]}) == 1
    config = json.loads((tmp_path / "taken" / blob_path(manifest["config"]["digest"])).read_bytes())
    assert config["config"] == {"Cmd": ["/app"]}


def test_what_is_no_archive_of_images_is_told(tmp_path: Path) -> None:
    cases = {
        "empty": (b"", "empty is empty"),
        "compressed": (b"\x1f\x8b" + bytes(2000), "compressed: the tar archive is damaged"),
        "cut": (archive(tmp_path / "a.tar", docker()).read_bytes()[:2000], "is cut"),
    }
    for name, (data, words) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BuilderError, match=words):
            ReadyImage(reference=REFERENCE, arch=Arch.ARMV7).take(tmp_path / name, tmp_path, cores=1)
    with pytest.raises(BuilderError, match=r"has neither index\.json nor manifest\.json"):
        ReadyImage(reference=REFERENCE, arch=Arch.ARMV7).take(
            archive(tmp_path / "b.tar", {"x": b""}), tmp_path, cores=1
        )


def test_damage_inside_is_told(tmp_path: Path) -> None:
    links = {"l2/layer.tar": "../l1/layer.tar"}
    image = ReadyImage(reference=REFERENCE, arch=Arch.ARMV7)
    other = archive(tmp_path / "other.tar", docker(diff_id=f"sha256:{'0' * 64}"), links)
    with pytest.raises(VerificationError, match="instead of sha256:0000"):
        image.take(other, tmp_path, cores=1)
    with pytest.raises(BuilderError, match="is for linux/amd64, not for linux/arm/v7"):
        image.take(archive(tmp_path / "amd64.tar", docker(arch="amd64"), links), tmp_path, cores=1)
    with pytest.raises(BuilderError, match=r"the archive lacks l2/layer\.tar"):
        image.take(archive(tmp_path / "lacks.tar", docker(), {"l2/layer.tar": "../../etc/passwd"}), tmp_path, cores=1)
    make_image(tmp_path / "a", Made())
    manifest = json.loads((tmp_path / "a/image.json").read_bytes())
    (tmp_path / "a/index.json").write_bytes(canonical_json({"schemaVersion": 2, "manifests": [manifest]}))
    for blob in (tmp_path / "a/blobs/sha256").iterdir():
        if not manifest["digest"].endswith(blob.name):
            blob.write_bytes(b"{}")
    with pytest.raises(VerificationError, match=r"the archive's blob sha256:.* is damaged"):
        image.take(tmp_path / "a", tmp_path, cores=1)
