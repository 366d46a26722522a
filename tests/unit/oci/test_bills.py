"""What bills of materials say of images; an own schema's judge reads each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.oci.bills import bills_of
from builder.oci.bundle import write_bundle
from builder.oci.documents import Compression
from builder.oci.image import SourcesByProgram
from tests.unit.audit.writer import Elf, go_info_section
from tests.unit.oci.made import EPOCH_S, Made, make_image

GO_TEXT = """\
path\ttiny/cmd/tiny
mod\ttiny\t(devel)\t
dep\texample.org/a/v2\tv2.0.0+incompatible\th1:x
dep\texample.org/b\tv0.0.0
=>\texample.org/fork\tv0.2.0\th1:y
dep\texample.org/c\tv1.1.0
=>\t./patched/example.org/c\t(devel)\t
"""
PLAIN = Elf.good(Arch.ARMV7).build()
STATUS = b"""\
Package: busybox-static
Status: install ok installed
Architecture: armhf
Source: busybox (1:1.37.0-6)
Version: 1:1.37.0-6+b3

Package: gone
Status: deinstall ok config-files
Architecture: armhf
Version: 1
"""


def go(text: str = GO_TEXT) -> bytes:
    return Elf.good(Arch.ARMV7).with_sections(go_info_section("go1.26.8 X:nodwarf5", text)).build()


def bill(
    tmp_path: Path, *layers: Mapping[str, bytes], sources: SourcesByProgram | None = None
) -> dict[str, dict[str, Any]]:
    """The components in the bill of an image of `layers`, by name, after the schema's judge has seen it."""
    made = Made(reference="host.example:5000/team/app:1", layers=layers)
    note = make_image(tmp_path / "image", made)
    bundle = write_bundle([tmp_path / "image"], tmp_path / "out.tar", epoch_s=EPOCH_S)
    layer = json.loads((tmp_path / "image" / note.manifest.path).read_bytes())["layers"][0]["digest"]
    ((name, data),) = bills_of(bundle, {layer: sources or {}})
    assert name == "host.example+5000+team+app+1.cdx.json"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None
    assert [(name, data)] == list(bills_of(bundle, {layer: sources or {}}))
    document = json.loads(data)
    root = document["metadata"]["component"]
    assert (root["name"], root["version"]) == ("host.example:5000/team/app", "1")
    assert root["hashes"] == [{"alg": "SHA-256", "content": note.manifest.digest.hex}]
    depends = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    references = {one["bom-ref"]: one["name"] for one in document.get("components", [])}
    return {
        one["name"]: {**one, "needs": sorted(references[ref] for ref in depends[one["bom-ref"]])}
        for one in [root, *document.get("components", [])]
    }


def test_the_modules_of_go_programs_are_told(tmp_path: Path) -> None:
    found = bill(tmp_path, {"usr/bin/tiny": go()}, {"etc/tiny": b"settings"})
    assert {name: one.get("purl") for name, one in found.items() if one["type"] == "library"} == {
        "stdlib": "pkg:golang/stdlib@1.26.8",
        "tiny": "pkg:golang/tiny",
        "example.org/a/v2": "pkg:golang/example.org/a/v2@v2.0.0%2Bincompatible",
        "example.org/fork": "pkg:golang/example.org/fork@v0.2.0",
        "example.org/c": "pkg:golang/example.org/c@v1.1.0",
    }
    program = found["/usr/bin/tiny"]
    assert program["hashes"] == [{"alg": "SHA-256", "content": Digest.of_bytes(go()).hex}]
    assert program["needs"] == ["example.org/a/v2", "example.org/c", "example.org/fork", "stdlib", "tiny"]
    assert found["host.example:5000/team/app"]["needs"] == ["/usr/bin/tiny"]


def test_programs_share_modules(tmp_path: Path) -> None:
    found = bill(tmp_path, {"a": go(), "b": go("path\tother\ndep\texample.org/fork\tv0.2.0\th1:y\n")})
    assert found["/b"]["needs"] == ["example.org/fork", "stdlib"]
    assert set(found["/b"]["needs"]) < set(found["/a"]["needs"])


def test_c_sources_are_told_where_they_are_known(tmp_path: Path) -> None:
    digest = Digest.of_bytes(b"int main;")
    found = bill(tmp_path, {"pause": PLAIN, "other": PLAIN + b"more"}, sources={"/pause": {"pause.c": digest}})
    assert found["/pause"]["needs"] == ["pause.c"]
    assert found["pause.c"]["type"] == "file"
    assert found["pause.c"]["hashes"] == [{"alg": "SHA-256", "content": digest.hex}]
    assert found["/other"]["needs"] == []


def test_packages_are_told_and_stand_for_their_programs(tmp_path: Path) -> None:
    files = {
        "bin/busybox": PLAIN,
        "bin/own": PLAIN + b"own",
        "etc/os-release": b'NAME=x\nID="debian"\n',
        "var/lib/dpkg/status": STATUS,
        "var/lib/dpkg/info/busybox-static.list": b"/.\n/bin\n/bin/busybox\n",
    }
    found = bill(tmp_path, files)
    assert sorted(found) == ["/bin/own", "busybox-static", "host.example:5000/team/app"]
    assert found["busybox-static"]["purl"] == (
        "pkg:deb/debian/busybox-static@1:1.37.0-6%2Bb3?arch=armhf&upstream=busybox"
    )


def test_packages_of_images_without_dpkg_are_told(tmp_path: Path) -> None:
    stanza = b"Package: tzdata\nVersion: 2026a\nArchitecture: all\n"
    found = bill(tmp_path, {"var/lib/dpkg/status.d/tzdata": stanza, "var/lib/dpkg/status.d/tzdata.md5sums": b""})
    assert found["tzdata"]["version"] == "2026a"


@pytest.mark.parametrize(
    "upper",
    [
        pytest.param({"usr/bin/.wh.tiny": b""}, id="whiteout"),
        pytest.param({"usr/.wh.bin": b""}, id="whiteout of its directory"),
        pytest.param({"usr/.wh..wh..opq": b""}, id="opaque directory"),
        pytest.param({".wh..wh..opq": b""}, id="opaque root"),
        pytest.param({"usr/bin/tiny": b"a script"}, id="another file"),
        pytest.param({"usr": b"a file"}, id="a file in place of its directory"),
    ],
)
def test_what_a_higher_layer_takes_away_is_not_told(tmp_path: Path, upper: Mapping[str, bytes]) -> None:
    assert list(bill(tmp_path, {"usr/bin/tiny": go()}, upper)) == ["host.example:5000/team/app"]


@pytest.mark.parametrize("upper", [{"usr/bin/.wh.tin": b""}, {"usr/b.wh.in/tiny": b""}, {"usr/bin/tin": b""}])
def test_what_only_resembles_it_stays(tmp_path: Path, upper: Mapping[str, bytes]) -> None:
    assert "/usr/bin/tiny" in bill(tmp_path, {"usr/bin/tiny": go()}, upper)


@pytest.mark.parametrize("compression", Compression)
def test_an_image_of_two_architectures_has_two_bills(tmp_path: Path, compression: Compression) -> None:
    for arch in (Arch.ARMV7, Arch.ARM64):
        make_image(tmp_path / arch, Made(arch=arch, layers=({"a": go()},), compression=compression))
        write_bundle([tmp_path / arch], tmp_path / f"{arch}.tar", epoch_s=EPOCH_S)
    one, other = (dict(bills_of(tmp_path / f"{arch}.tar", {})) for arch in (Arch.ARMV7, Arch.ARM64))
    assert one.keys() == other.keys()
    assert one != other


def test_a_damaged_bundle_is_told(tmp_path: Path) -> None:
    make_image(tmp_path / "image", Made())
    bundle = write_bundle([tmp_path / "image"], tmp_path / "out.tar", epoch_s=EPOCH_S)
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b'"annotations"', b'"annotatixns"'))
    with pytest.raises(BuilderError, match="damaged"):
        list(bills_of(bundle, {}))
