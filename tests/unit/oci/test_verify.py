"""Each way in which a bundle can be bad is told; the good one passes."""

import tarfile
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.oci.bundle import write_bundle
from builder.oci.documents import Compression
from builder.oci.verify import Expected, verify_bundle
from tests.unit.oci.made import EPOCH_S, Made, make_image
from tests.unit.oci.mutations import MUTATIONS, REFERENCE, elf, read


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    make_image(tmp_path / "a", Made(layers=({"app": elf(Arch.ARMV7)}, {"etc/app": b"settings"})))
    write_bundle([tmp_path / "a"], tmp_path / "good.tar", epoch_s=EPOCH_S)
    return tmp_path / "good.tar"


def told(bundle: Path, expected: Expected | None = None) -> list[str]:
    wanted = expected or Expected(arch=Arch.ARMV7, needed={REFERENCE: ["app.yaml:7"]}, exact=True)
    return [str(problem) for problem in verify_bundle(bundle, wanted, cores=2)]


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("arch", Arch)
def test_a_good_bundle_has_no_problem(tmp_path: Path, arch: Arch, compression: Compression) -> None:
    make_image(tmp_path / "a", Made(arch=arch, layers=({"app": elf(arch)},), compression=compression))
    write_bundle([tmp_path / "a"], tmp_path / "b.tar", epoch_s=EPOCH_S)
    assert told(tmp_path / "b.tar", Expected(arch=arch, needed={REFERENCE: ["x"]}, exact=True)) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_is_told(bundle: Path, tmp_path: Path, name: str) -> None:
    change, words = MUTATIONS[name]
    members = read(bundle)
    change(members)
    members.write(tmp_path / "bad.tar")
    problems = "\n".join(told(tmp_path / "bad.tar"))
    for word in words:
        assert word in problems


def test_a_rewritten_bundle_without_a_mutation_is_good(bundle: Path, tmp_path: Path) -> None:
    members = read(bundle)
    members.set_config(members.config)
    members.write(tmp_path / "same.tar")
    assert told(tmp_path / "same.tar") == []


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.6])
def test_a_truncated_archive_is_told(bundle: Path, tmp_path: Path, part: float) -> None:
    data = bundle.read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: int(len(data) * part)])
    (problem,) = told(tmp_path / "cut.tar")
    assert "cut" in problem
    assert "it is cut" in problem or "is cut in the member" in problem or "is empty" in problem


def test_a_compressed_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"\x1f\x8b" + bytes(range(256)) * 8)
    (problem,) = told(tmp_path / "b.tar")
    assert "the tar archive is damaged" in problem


@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_goes_unseen(bundle: Path, tmp_path: Path, bit: int) -> None:
    """Of the bytes that mean anything: padding and times of the archive itself are no part of an image."""
    data = bundle.read_bytes()
    with tarfile.open(bundle, "r:") as tar:
        spans = [(one.offset_data, one.size) for one in tar if one.name.startswith("blobs/sha256/")]
    for start, size in spans:
        for offset in range(start, start + size, max(1, size // 7)):
            changed = bytearray(data)
            changed[offset] ^= 1 << bit
            (tmp_path / "flipped.tar").write_bytes(changed)
            assert told(tmp_path / "flipped.tar"), offset


def test_needs_with_a_digest_are_met_by_any_name_of_the_repository(bundle: Path) -> None:
    digest = read(bundle).index["manifests"][0]["digest"]
    for reference in (f"registry.example.com/app@{digest}", f"registry.example.com/app:2@{digest}"):
        assert told(bundle, Expected(arch=Arch.ARMV7, needed={reference: ["x"]}, exact=True)) == []
    other = f"registry.example.com/app:1@sha256:{'0' * 64}"
    assert told(bundle, Expected(arch=Arch.ARMV7, needed={other: ["x"]})) == [
        f"{other}: it is needed by x, and is not in the bundle"
    ]
