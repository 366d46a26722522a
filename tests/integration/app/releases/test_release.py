"""`builder release`: what it publishes, judged by tools that are not ours."""

import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from builder.core.arch import host_arch
from tests.integration.app.conftest import Furnish
from tests.integration.app.driver import Builder, tree
from tests.integration.app.releases.conftest import FIRST, SECOND, Published

_FILES = {
    "CHANGES.md", "SHA256SUMS", "SHA256SUMS.minisig", "index.html", "licences.tar.zst", "provenance.intoto.json",
    "release.json", "sbom.cdx.json", "sbom.spdx.json", "sources.json",
    *(f"tiny-{arch}{suffix}" for arch in ("amd64", "armv7") for suffix in ("", ".contents.json")),
}  # fmt: skip


def read(release: Path, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((release / name).read_bytes())


def test_a_release_has_everything(published: Published) -> None:
    release = published.releases / FIRST
    assert {path.name for path in release.iterdir() if path.is_file()} == _FILES
    told = read(release, "release.json")
    assert (told["name"], told["version"], told["previous"]) == ("edge", FIRST, "")
    assert {one["path"] for one in told["files"]} == _FILES - {"SHA256SUMS", "SHA256SUMS.minisig", "release.json"}
    assert not [path for path in published.releases.iterdir() if path.name.startswith(".")]


def test_minisign_and_sha256sum_take_it(published: Published, tmp_path: Path) -> None:
    release = published.copied(FIRST, tmp_path)
    assert f"Trusted comment: edge {FIRST}" in published.keys.verify(release / "SHA256SUMS")
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=release, check=True)
    (release / "tiny-armv7").write_bytes(b"another")
    assert subprocess.run(command, cwd=release, check=False, capture_output=True).returncode == 1


def test_the_bills_are_what_their_standards_ask(published: Published) -> None:
    release = published.releases / FIRST
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str((release / "sbom.cdx.json").read_text()) is None
    document = parse_file(str(release / "sbom.spdx.json"))
    assert validate_full_spdx_document(document, "SPDX-2.3") == []


def test_both_bills_name_the_same_things(published: Published) -> None:
    release = published.releases / FIRST
    cyclonedx, spdx = read(release, "sbom.cdx.json"), read(release, "sbom.spdx.json")
    names = {one["name"] for one in cyclonedx["components"]}
    assert names >= {
        "tiny-amd64", "tiny-armv7", "tiny", "stdlib", "example.org/greeting", "recipes/edge.yaml", "recipes/edge.lock"
    }  # fmt: skip
    assert {one["name"] for one in spdx["packages"]} == {*names, "edge"}
    purls = {one.get("purl") for one in cyclonedx["components"]}
    assert "pkg:golang/example.org/greeting@v1.0.0" in purls
    references = {one["referenceLocator"] for package in spdx["packages"] for one in package.get("externalRefs", ())}
    assert references == {*purls - {None}, f"pkg:generic/edge@{FIRST}"}


def test_provenance_is_about_the_artifacts_and_names_what_they_were_made_of(published: Published) -> None:
    release = published.releases / FIRST
    statement = read(release, "provenance.intoto.json")
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    digests = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    sums = {line[66:]: line[:64] for line in (release / "SHA256SUMS").read_text().splitlines()}
    assert digests == {name: sums[name] for name in ("tiny-amd64", "tiny-armv7")}
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["recipe"] == "recipes/edge.yaml"
    used = {one["uri"]: one["digest"] for one in definition["resolvedDependencies"]}
    assert len(used["pkg:golang/example.org/greeting@v1.0.0"]["dirHash"]) == 64
    assert {"cmd/tiny/main.go", "go.sum", "recipes/edge.lock"} <= used.keys()
    assert any(uri.startswith("pkg:golang/golang.org/toolchain@") for uri in used)


def test_the_licence_of_the_standard_library_is_there(published: Published) -> None:
    data = zstandard.ZstdDecompressor().decompress((published.releases / FIRST / "licences.tar.zst").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert "toolchains/go/LICENSE" in archive.getnames()


def test_nothing_of_the_machine_is_in_it(published: Published) -> None:
    for name, data in tree(published.releases / FIRST).items():
        assert str(published.builder.checkout.root).encode() not in data, name


def test_the_same_release_comes_out_elsewhere(published: Published, place: Path, furnish: Furnish) -> None:
    checkout = replace(published.builder.checkout, root=place / "anderswo/checkout")
    shutil.copytree(published.builder.checkout.root, checkout.root, ignore=shutil.ignore_patterns("out"))
    furnish(place / "other")
    elsewhere = Builder(checkout=checkout, cache=place / "other")
    since = str(published.releases / FIRST)
    elsewhere.good("release", SECOND, "-q", "--since", since, "--minisign-key", str(published.keys.secret))
    assert tree(checkout.out / "edge/releases" / SECOND) == tree(published.releases / SECOND)


def test_a_version_is_released_once(published: Published) -> None:
    arguments = ("release", SECOND, "-q", "--minisign-key", str(published.keys.secret))
    before = tree(published.releases / SECOND)
    published.builder.good(*arguments)  # the same again
    refused = published.builder.run(*arguments, "--arch", "armv7")
    assert refused.code == 2
    assert "is there, and is another release" in refused.err
    assert tree(published.releases / SECOND) == before


@pytest.mark.parametrize("version", ["", "-q.", "../1", ".1", "1 0", "1/0", "v" * 129])
def test_a_version_has_to_be_a_name(builder: Builder, version: str) -> None:
    refused = builder.run("release", "--quiet", "--", version)
    assert refused.code == 2
    assert "is no version of a release" in refused.err
    assert not builder.checkout.out.exists()


def test_changes_are_told_by_component(published: Published) -> None:
    told = (published.releases / SECOND / "CHANGES.md").read_text()
    assert f"# edge {SECOND}\n\nChanges since {FIRST}." in told
    assert "## Components\n\n- tiny 1.2.3 → 1.3.0 (tiny-amd64, tiny-armv7)\n" in told
    assert "first release" in (published.releases / FIRST / "CHANGES.md").read_text()
    done = published.builder.good("diff", str(published.releases / FIRST), str(published.releases / SECOND))
    assert "  components: 1 changed\n    ~ tiny 1.2.3 → 1.3.0\n" in done.out
    same = published.builder.good("diff", str(published.releases / FIRST), str(published.releases / FIRST))
    assert same.out == "tiny-amd64: unchanged\ntiny-armv7: unchanged\n"


def test_the_executables_are_those_of_make(published: Published) -> None:
    arch = host_arch()
    made = published.builder.checkout.out / "edge" / arch / "tiny"
    assert (published.releases / SECOND / f"tiny-{arch}").read_bytes() == made.read_bytes()
