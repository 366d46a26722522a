"""`builder airgap list`, as a user starts it, and the bills of materials that it writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from builder.core.arch import Arch
from builder.core.errors import ExitCode
from builder.oci.bundle import write_bundle
from tests.unit.audit.writer import Elf, go_info_section
from tests.unit.oci.made import EPOCH_S, Made, make_image

ROOT = Path(__file__).resolve().parents[3]
GO = (
    Elf.good(Arch.ARMV7)
    .with_sections(go_info_section("go1.26.8", "path\ttiny\ndep\texample.org/a\tv1.2.0\th1:x\n"))
    .build()
)
SHARED = {"usr/lib/shared": b"in both"}
NAMES = ["registry.example.com/one:1", "registry.example.com/two:2"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of two images with a layer in common; the second has a program of Go's."""
    contents = ({"one": b"program"}, {"usr/bin/two": GO})
    for number, (name, own) in enumerate(zip(NAMES, contents, strict=True)):
        make_image(tmp_path / f"image{number}", Made(reference=name, layers=(SHARED, own)))
    return write_bundle([tmp_path / "image0", tmp_path / "image1"], tmp_path / "two.tar", epoch_s=EPOCH_S)


def list_images(bundle: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-P", "-m", "builder", "airgap", "list", str(bundle), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(argv, cwd=bundle.parent, env=environment, capture_output=True, text=True, check=False)


def test_a_bill_of_each_image_is_written_beside_the_list(bundle: Path) -> None:
    place = bundle.parent / "bills/new"
    plain, done = list_images(bundle), list_images(bundle, "--sbom", str(place))
    assert (done.returncode, done.stdout) == (0, plain.stdout), done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == NAMES
    bills = {path.name: path.read_text() for path in place.iterdir()}
    assert sorted(bills) == ["registry.example.com+one+1.cdx.json", "registry.example.com+two+2.cdx.json"]
    for bill in bills.values():
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    digests = {item["reference"]: item["digest"] for item in json.loads(list_images(bundle, "--json").stdout)}
    for name, text in zip(NAMES, (bills[key] for key in sorted(bills)), strict=True):
        (root,) = [json.loads(text)["metadata"]["component"]]
        assert root["hashes"] == [{"alg": "SHA-256", "content": digests[name].removeprefix("sha256:")}]
    two = json.loads(bills["registry.example.com+two+2.cdx.json"])
    assert {one["name"] for one in two["components"]} == {"/usr/bin/two", "example.org/a", "stdlib"}
    again = list_images(bundle, "--sbom", str(place), "--json")
    assert {path.name: path.read_text() for path in place.iterdir()} == bills, "the same for the same bundle"
    assert [item["reference"] for item in json.loads(again.stdout)] == NAMES


def test_a_place_for_bills_that_is_none(bundle: Path) -> None:
    place = bundle.parent / "file"
    place.touch()
    done = list_images(bundle, "--sbom", str(place))
    assert (done.returncode, done.stdout) == (ExitCode.BUILD_FAILED, "")
    assert f"{place}: File exists" in done.stderr


def test_a_layer_that_cannot_be_read_has_no_bill(bundle: Path) -> None:
    items = json.loads(list_images(bundle, "--json").stdout)
    manifest = bundle.parent / "image1/blobs/sha256" / items[1]["digest"].removeprefix("sha256:")
    layer = json.loads(manifest.read_bytes())["layers"][1]
    data = bundle.read_bytes()
    content = (bundle.parent / "image1/blobs/sha256" / layer["digest"].removeprefix("sha256:")).read_bytes()
    bundle.write_bytes(data.replace(content, content[:20] + bytes(len(content) - 20)))
    done = list_images(bundle, "--sbom", str(bundle.parent / "bills"))
    assert done.returncode == ExitCode.BUILD_FAILED
    assert "cannot be decompressed" in done.stderr
    assert "registry.example.com/two:2" in done.stderr, "whose layer it is"
    assert not list((bundle.parent / "bills").glob("*two*"))


def test_a_bundle_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "none.tar").write_bytes(b"nothing" * 1000)
    done = list_images(tmp_path / "none.tar", "--sbom", str(tmp_path / "bills"))
    assert done.returncode == ExitCode.BUILD_FAILED
    assert f"{tmp_path / 'none.tar'}: " in done.stderr
    assert not (tmp_path / "bills").exists()
