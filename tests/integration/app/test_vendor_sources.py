"""Archives of packages, and executables by their address, from a directory in place of their servers."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from builder.app.project import Project
from builder.app.session import Session, Settings
from builder.app.vendor.origin import VendorOrigin
from builder.core.digest import Digest
from builder.core.errors import BuilderError, ExitCode
from builder.debian.pins import PinnedFile
from builder.plan.debian import pool_step
from tests.integration.app.checkout import Checkout
from tests.integration.app.driver import Builder, Result
from tests.integration.app.servers import Registry
from tests.integration.app.servers import serving as serving_registry
from tests.integration.app.test_imports import from_url, sha256
from tests.integration.debian.server import Fault, Server, serving

SECTION = """\
debian:
  suites: {{armv7: [stable]}}
  sources: stable
  repositories:
    vendor:
      address: {address}
      suite: stable
      keys: vendor.asc
      fingerprints: ["{fingerprint}"]
"""


def pin(archive: str, name: str, content: bytes) -> PinnedFile:
    return PinnedFile(
        name=name,
        version="1:1.0",
        architecture="armhf",
        archive=archive,
        path=f"pool/main/{name[0]}/{name}/{name}_1%3a1.0_armhf.deb",
        size_bytes=len(content),
        sha256=Digest.of_bytes(content),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """Three archives: two of Debian behind `server`, and another at `vendor`; `pins` are of a package of each."""

    builder: Builder
    server: Server
    vendor: Path
    pins: tuple[PinnedFile, ...]

    def fill(self, kept: Path, *options: str) -> Result:
        mirror = {"BUILDER_DEBIAN_MIRROR": f"{self.server.url}/debian"}
        return replace(self.builder, extra=mirror).run("vendor", str(kept), *options)

    def fetch(self, cache: Path, kept: Path) -> dict[str, bytes]:
        """The files of all pins by a build that has nothing but the directory `kept`."""
        project = Project(root=self.builder.checkout.root, cache=cache, environment={"PATH": "/usr/bin:/bin"})
        with Session(project, Settings(origin=VendorOrigin(root=kept))) as session:
            debian = project.open("edge").loaded.recipe.debian
            steps = [pool_step(one, debian) for one in self.pins]
            result = session.build(steps)
            found = [next(result.output(step).iterdir()) for step in steps]
            return {path.name: path.read_bytes() for path in found}


@pytest.fixture
def archives(stocked: Builder, checkout: Checkout, place: Path) -> Iterator[Archives]:
    mirror, vendor = place / "mirror", place / "further" / "vendor"
    contents = {"debian": b"1", "debian-security": b"2", "vendor": b"3"}
    pins = tuple(pin(archive, f"lib{archive}", content) for archive, content in contents.items())
    for one in pins:
        file = (vendor if one.archive == "vendor" else mirror / one.archive) / one.path
        file.parent.mkdir(parents=True)
        file.write_bytes(contents[one.archive])
    (checkout.recipe.parent / "vendor.asc").write_text("a certificate")
    with checkout.recipe.open("a") as recipe:
        recipe.write(SECTION.format(address=vendor.as_uri(), fingerprint="A" * 40))
    lock: dict[str, Any] = {"suites": {}, "source_suite": "stable"}
    lock["packages"] = {"armv7": [one.model_dump(mode="json") for one in pins]}
    checkout.write_lock(checkout.read_lock() | {"debian": lock})
    with serving(Server(root=mirror)) as server:
        yield Archives(builder=stocked, server=server, vendor=vendor, pins=pins)


def test_archives_lie_side_by_side(archives: Archives, place: Path) -> None:
    kept = place / "kept"
    result = archives.fill(kept, "-q")
    assert result.code == ExitCode.OK, result.err
    assert {str(path.relative_to(kept / "debian")) for path in (kept / "debian").rglob("*.deb")} == {
        f"{one.archive}/{one.path}" for one in archives.pins
    }
    archives.server.faults |= {
        f"/{one.archive}/{one.path}": [Fault(status=HTTPStatus.NOT_FOUND)] * 9 for one in archives.pins
    }
    asked = len(archives.server.asked)
    shutil.rmtree(archives.vendor)
    assert archives.fetch(place / "other", kept) == {
        "libdebian_1%3a1.0_armhf.deb": b"1",
        "libdebian-security_1%3a1.0_armhf.deb": b"2",
        "libvendor_1%3a1.0_armhf.deb": b"3",
    }
    assert len(archives.server.asked) == asked


def test_packages_of_other_architectures_are_left_out(archives: Archives, place: Path) -> None:
    assert archives.fill(place / "kept", "-q", "--arch", "amd64").code == ExitCode.OK
    assert not (place / "kept" / "debian").exists()


def test_every_package_that_cannot_be_had_is_told(archives: Archives, place: Path) -> None:
    gone = archives.pins[:2]
    for one in gone:
        archives.server.faults[f"/{one.archive}/{one.path}"] = [Fault(status=HTTPStatus.NOT_FOUND)]
    result = archives.fill(place / "kept", "--events", "json")
    assert result.code == ExitCode.BUILD_FAILED
    assert result.steps("step-failed") == [
        "debian/pool/libdebian-security_1.1.0_armhf",
        "debian/pool/libdebian_1.1.0_armhf",
    ]
    kept = [path.name for path in (place / "kept" / "debian").rglob("*.deb")]
    assert kept == ["libvendor_1%3a1.0_armhf.deb"]
    assert archives.fill(place / "kept", "-q").out.endswith("; 2 new\n")


def test_packages_that_the_directory_lacks_are_told_together(archives: Archives, place: Path) -> None:
    kept = place / "kept"
    assert archives.fill(kept, "-q").code == ExitCode.OK
    (kept / "debian" / "debian" / archives.pins[0].path).unlink()
    (kept / "debian" / "vendor" / archives.pins[2].path).write_bytes(b"?")
    with pytest.raises(BuilderError) as lacking:
        archives.fetch(place / "other", kept)
    assert lacking.value.details == (
        f"{archives.pins[0]}: debian/debian/{archives.pins[0].path} is missing",
        f"{archives.pins[2]}: debian/vendor/{archives.pins[2].path} is damaged",
    )
    assert lacking.value.hint == f"run builder vendor '{kept}' again, for this recipe, where registries have it"


def test_an_executable_by_its_address(stocked: Builder, checkout: Checkout, place: Path) -> None:
    stocked.good("make", "-q", "--arch", "amd64")
    own = (checkout.out / "edge" / "amd64" / "tiny").rename(place / "foreign")
    kept, fresh = place / "kept", replace(stocked, cache=place / "fresh")
    with serving_registry(Registry(root=place)) as server:
        recipe = from_url(checkout, f"{server.url}/foreign", sha256(own))
        stocked.good("vendor", str(kept), str(recipe), "-q")
        assert (kept / "files" / server.url.removeprefix("http://") / "foreign").read_bytes() == own.read_bytes()
        asked = len(server.asked)
        fresh.good("make", str(recipe), "--from", str(kept), "-q")
        assert len(server.asked) == asked
    assert (checkout.out / "foreign" / "amd64" / "foreign").read_bytes() == own.read_bytes()
