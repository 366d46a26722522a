"""Locking root file systems and tools out of Debian's own archive and a small one beside it."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pysequoia
import pytest

from builder.app.locking import LockRequest, update_lock
from builder.app.project import Project
from builder.app.session import Session, Settings
from builder.core.arch import BUILD_HOSTS, Arch
from builder.core.errors import BuilderError, RecipeError, VerificationError
from builder.core.lock_part import LockPart
from builder.debian.mirrors import MIRROR_VARIABLE
from builder.debian.pins import PinnedFile
from builder.recipe.load import load_recipe
from builder.recipe.lockfile import Lock, find_lock, lock_path, read_lock
from builder.recipe.match import lock_mismatches
from tests.integration.debian.archive import Archive
from tests.integration.debian.fetched import APT_HELPER, Fetched

pytestmark = pytest.mark.network

REPOSITORY = Path(__file__).parents[3]
INDEXES = {"bookworm": ["armhf"], "trixie": ["amd64", "arm64"]}
RECIPE = f"""\
extends: {REPOSITORY}/recipes/toolchains.yaml
name: gateway
architectures: [armv7]
outputs: [rootfs]
cluster:
  name: foreign
  version: 1.0.0
  executables:
    armv7: {{file: /nowhere, sha256: "{"0" * 64}"}}
  device:
    roles:
      worker: [worker]
rootfs:
  knowledge: [.]
  without: [tzdata]
  packages:
    base:
      packages: [udev, agent]
debian:
  suites: {{armv7: [bookworm]}}
  sources: trixie
  tools:
    suites: [trixie]
    sets:
      rootfs: [kmod]
  repositories:
    vendor:
      address: file://VENDOR
      suite: stable
      keys: vendor.asc
      fingerprints: [FINGERPRINT]
"""


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a mirror of Debian, of which only indexes are needed."""
    if os.environ.get(MIRROR_VARIABLE):
        return os.environ[MIRROR_VARIABLE]
    if not APT_HELPER.exists():
        pytest.skip(f"needs apt, or a mirror in {MIRROR_VARIABLE}")
    root = tmp_path_factory.mktemp("mirror") / "debian"
    fetched = Fetched(root)
    for suite, architectures in INDEXES.items():
        fetched.bring(f"dists/{suite}/InRelease")
        for architecture in architectures:
            fetched.bring(f"dists/{suite}/main/binary-{architecture}/Packages.xz")
    return root.as_uri()


@dataclass(kw_only=True)
class Place:
    """A directory of recipes, the archive of a vendor, and a cache that tests share."""

    recipe: Path
    vendor: Archive
    cache: Path
    mirror: str

    def update(self, recipe: Path | None = None, *parts: LockPart) -> list[str]:
        environment = {**os.environ, MIRROR_VARIABLE: self.mirror}
        project = Project(root=REPOSITORY, cache=self.cache, environment=environment)
        request = LockRequest(
            recipe=recipe or self.recipe, overrides=(), lock_file=None, parts=frozenset(parts), now_s=int(time.time())
        )
        with Session(project, Settings()) as session:
            return update_lock(session, request)

    @property
    def lock(self) -> Lock:
        return read_lock(lock_path(self.recipe))

    def mismatches(self, recipe: Path | None = None) -> list[str]:
        loaded = load_recipe(recipe or self.recipe, cwd=self.recipe.parent)
        path = find_lock(recipe or self.recipe, loaded.files)
        return lock_mismatches(loaded, read_lock(path), path.parent)

    def replace(self, old: str, new: str) -> None:
        text = self.recipe.read_text()
        assert old in text
        self.recipe.write_text(text.replace(old, new))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path: Path, archive: Archive, mirror: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """All is pinned but what comes out of archives; the vendor's agent needs a library of its own and udev."""
    archive.add_package("agent", "1.0", "armhf", fields="Depends: libagent (>= 2), udev\n")
    archive.add_package("libagent", "2.1", "armhf")
    archive.publish()
    recipe = tmp_path / "gateway.yaml"
    certificate = archive.signer.extract_certificate()
    (tmp_path / "vendor.asc").write_bytes(bytes(certificate))
    text = RECIPE.replace("VENDOR", str(archive.root)).replace("FINGERPRINT", certificate.fingerprint.upper())
    recipe.write_text(text)
    lock = json.loads((REPOSITORY / "recipes/edge.lock").read_text())
    recipe.with_suffix(".lock").write_text(json.dumps({key: lock[key] for key in ("lock", "epoch_s", "go", "wheels")}))
    monkeypatch.chdir(tmp_path)
    return Place(recipe=recipe, vendor=archive, cache=cache, mirror=mirror)


def by_name(pins: tuple[PinnedFile, ...]) -> dict[str, PinnedFile]:
    return {pin.name: pin for pin in pins}


def test_root_file_systems_and_tools_are_pinned_with_all_that_they_need(place: Place) -> None:
    assert len(place.mismatches()) == 4
    place.update()
    assert place.mismatches() == []
    locked = place.lock.debian
    assert locked
    rootfs = locked.rootfs[Arch.ARMV7]
    pins = by_name(rootfs.packages)
    assert (rootfs.wanted, rootfs.without) == (("agent", "udev"), ("tzdata",))
    assert list(pins) == sorted(pins)
    assert {"agent", "libagent", "udev", "libudev1", "base-files", "dpkg"} <= pins.keys()
    assert "tzdata" not in pins
    assert {pin.archive for pin in pins.values()} == {"debian", "vendor"}
    assert (pins["libagent"].archive, pins["udev"].archive) == ("vendor", "debian")
    assert pins["udev"].architecture == "armhf"
    assert list(locked.rootfs) == [Arch.ARMV7]
    for host in BUILD_HOSTS:
        tools = by_name(locked.tools[host]["rootfs"].packages)
        assert {"kmod", "libc6", "libkmod2"} <= tools.keys()
        assert "base-files" not in tools
        assert tools["kmod"].architecture == host
    assert "VENDOR" not in lock_path(place.recipe).read_text()
    assert str(place.vendor.root) not in lock_path(place.recipe).read_text()
    assert place.update() == []


def test_only_the_part_that_changed_is_resolved_anew(place: Place) -> None:
    place.update()
    before = place.lock.debian
    assert before
    place.vendor.add_package("libagent", "2.2", "armhf")
    place.vendor.publish()
    assert place.update() == []
    place.replace("[udev, agent]", "[udev, agent, i2c-tools]")
    assert place.mismatches() == [
        "gateway.yaml:18:31: rootfs.packages.base.packages[2] is i2c-tools, but the lock for armv7 has nothing"
    ]
    changes = place.update()
    assert any(line.startswith("i2c-tools (armv7 rootfs): nothing -> ") for line in changes)
    assert "libagent (armv7 rootfs): 2.1 -> 2.2" in changes
    after = place.lock.debian
    assert after
    assert after.tools == before.tools
    assert place.update(None, LockPart.TOOLS) == []


def test_a_recipe_that_extends_uses_the_lock_until_it_wants_more(place: Place) -> None:
    place.update()
    sub = place.recipe.with_name("sub.yaml")
    sub.write_text("extends: gateway.yaml\nname: sub\nrootfs: {time_zone: Europe/Berlin}\n")
    assert place.mismatches(sub) == []
    assert place.update(sub) == []
    assert not lock_path(sub).exists()
    sub.write_text("extends: gateway.yaml\nname: sub\nrootfs: {packages: {more: {packages: [i2c-tools]}}}\n")
    assert len(place.mismatches(sub)) == 1
    place.update(sub)
    assert place.mismatches(sub) == []
    own, inherited = read_lock(lock_path(sub)).debian, place.lock.debian
    assert own
    assert inherited
    assert own.tools == inherited.tools
    more = {pin.name for pin in own.rootfs[Arch.ARMV7].packages}
    assert "i2c-tools" in more - {pin.name for pin in inherited.rootfs[Arch.ARMV7].packages}


def test_everything_that_cannot_be_had_is_told_at_once(place: Place) -> None:
    place.vendor.add_package("broken", "1.0", "armhf", fields="Depends: libagent (>= 3)\n")
    place.vendor.add_package("rival", "1.0", "armhf", fields="Conflicts: libagent (<< 3)\n")
    place.vendor.publish()
    place.replace("[udev, agent]", "[udev, agent, i2c-tool, broken, rival]")
    place.replace("[tzdata]", "[tzdata, nosuchpackage, dash]")
    place.replace("[kmod]", "[kmodd]")
    before = lock_path(place.recipe).read_bytes()
    with pytest.raises(RecipeError) as error:
        place.update()
    told = error.value.details
    for line in (
        "for the root file system for armv7:",
        "  gateway.yaml:18:31: there is no package i2c-tool for armhf; did you mean i2c-tools?",
        "  gateway.yaml:15:36: dash cannot be left out: it is essential, packages rely on it without saying so",
        "  broken needs libagent (>= 3), which cannot be had",
        "      there is only libagent 2.1",
        "  rival 1.0 and libagent 2.1 exclude each other (rival has Conflicts: libagent (<< 3))",
        "      libagent is needed by agent, wanted in gateway.yaml:18:24",
        "gateway.yaml:15:21: there is no package nosuchpackage that could be left out",
        "for the tools rootfs for amd64:",
        "  gateway.yaml:25:16: there is no package kmodd for amd64; did you mean kmod?",
        "for the tools rootfs for arm64:",
    ):
        assert line in told
    assert lock_path(place.recipe).read_bytes() == before


def test_keys_of_a_repository_that_are_not_there_or_not_the_expected_ones(place: Place) -> None:
    place.replace("keys: vendor.asc", "keys: missing.asc")
    with pytest.raises(RecipeError, match=r"^gateway.yaml:30:13: the keys of the repository vendor cannot be read"):
        place.update()
    place.replace("keys: missing.asc", "keys: gateway.yaml")
    with pytest.raises(BuilderError, match=r"^gateway.yaml:30:13: gateway.yaml holds no OpenPGP certificates"):
        place.update()
    place.replace("keys: gateway.yaml", "keys: vendor.asc")
    place.replace("fingerprints: [", f"fingerprints: [{'A' * 40}, ")
    with pytest.raises(VerificationError, match=r"^gateway.yaml:30:13: vendor.asc does not hold") as error:
        place.update()
    assert error.value.details == (f"missing: {'A' * 40}",)


def test_another_signature_than_the_vendors_is_refused(place: Place) -> None:
    place.vendor.signer = pysequoia.Tsk.generate(user_id="Stranger")
    place.vendor.publish()
    with pytest.raises(VerificationError, match="the Release file of stable of vendor has no good signature"):
        place.update()
