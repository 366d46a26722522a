"""The source packages that a release names, in the directory of `builder vendor`."""

import json
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout
from tests.integration.app.driver import Builder
from tests.integration.debian.archive import Archive
from tests.integration.debian.conftest import archive, signer  # noqa: F401 - fixtures

_SECTION = """\
debian:
  suites: {{}}
  sources: stable
  repositories:
    binaries:
      address: {binaries}
      suite: stable
      keys: vendor.asc
      fingerprints: ["{fingerprint}"]
    vendor:
      address: {vendor}
      suite: stable
      keys: vendor.asc
      fingerprints: ["{fingerprint}"]
"""
_AGENT = {"agent_1.0.orig.tar.xz": b"upstream", "agent_1.0-2.debian.tar.xz": b"changes", "agent_1.0-2.dsc": b"both"}


@pytest.fixture
def release(checkout: Checkout, archive: Archive, place: Path) -> Path:  # noqa: F811
    """What a release says of its sources; one archive has them, in the version asked for and in another, one has none at all."""
    archive.add_source("agent", "1.0-2", _AGENT)
    archive.add_source("agent", "1.1-1", {"agent_1.1-1.dsc": b"later"})
    archive.publish()
    binaries = Archive(root=place / "binaries", signer=archive.signer)
    binaries.add_package("agent", "1.0-2", "armhf")
    binaries.publish()
    certificate = archive.signer.extract_certificate()
    (checkout.recipe.parent / "vendor.asc").write_bytes(bytes(certificate))
    with checkout.recipe.open("a") as recipe:
        recipe.write(
            _SECTION.format(
                binaries=binaries.root.as_uri(),
                vendor=archive.root.as_uri(),
                fingerprint=certificate.fingerprint.upper(),
            )
        )
    lock = checkout.read_lock() | {"debian": {"suites": {}, "source_suite": "stable"}}
    checkout.write_lock(lock)
    return write(place / "release", ("agent", "1.0-2"))


def write(release: Path, *packages: tuple[str, str]) -> Path:
    release.mkdir(exist_ok=True)
    rows = [{"package": name, "source": name, "source_version": version} for name, version in packages]
    (release / "sources.json").write_text(json.dumps([*rows, {"module": "example.org/m", "version": "v1.0.0"}]))
    return release


def test_they_are_kept_and_checked(stocked: Builder, release: Path, place: Path) -> None:
    kept = place / "kept"
    stocked.good("vendor", str(kept), "-q", "--sources-of", str(release))
    held = kept / "debian/vendor/pool/main/a/agent"
    assert {path.name: path.read_bytes() for path in held.iterdir()} == _AGENT
    stocked.good("vendor", str(kept), "-q", "--check", "--sources-of", str(release))
    (held / "agent_1.0.orig.tar.xz").write_bytes(b"another")
    write(release, ("agent", "1.0-2"), ("ghost", "3"))
    refused = stocked.run("vendor", str(kept), "-q", "--check", "--sources-of", str(release))
    assert refused.code == ExitCode.VERIFICATION_FAILED
    assert "agent 1.0-2 (source): debian/vendor/pool/main/a/agent/agent_1.0.orig.tar.xz is damaged" in refused.err
    assert "ghost 3: no index has its source" in refused.err


def test_what_no_index_has_is_told_and_the_rest_is_kept(stocked: Builder, release: Path, place: Path) -> None:
    write(release, ("agent", "1.0-2"), ("agent", "0.9-1"), ("ghost", "3"))
    for options in ([], ["--check"]):
        refused = stocked.run("vendor", str(place / "kept"), "-q", *options, "--sources-of", str(release))
        assert refused.code == ExitCode.VERIFICATION_FAILED
        lines = [f"{package}: no index has its source" for package in ("agent 0.9-1", "ghost 3")]
        assert [line.strip() for line in refused.err.splitlines()[1:3]] == lines
    assert len(list((place / "kept").rglob("agent_*"))) == len(_AGENT)


@pytest.mark.parametrize(("text", "told"), [(None, "No such file"), ("{}", "is not what"), ("[1]", "row 0")])
def test_what_is_no_release_is_refused(
    text: str | None, told: str, stocked: Builder, release: Path, place: Path
) -> None:
    (release / "sources.json").unlink() if text is None else (release / "sources.json").write_text(text)
    refused = stocked.run("vendor", str(place / "kept"), "-q", "--sources-of", str(release))
    assert (refused.code, told in refused.err) == (ExitCode.USAGE, True), refused.err
    assert not (place / "kept").exists()
