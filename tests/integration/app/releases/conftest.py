"""Releases of the small cluster, made once: tests get copies."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.io.files import remove_tree
from builder.io.leash import Leash
from builder.io.spawn import Runner
from tests.integration.airgap.conftest import Judges, judges, runner  # noqa: F401 - fixtures
from tests.integration.airgap.minisign import Minisign
from tests.integration.airgap.registry import Registry, running_registry
from tests.integration.app import checkout as checkouts
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import Furnish
from tests.integration.app.driver import Builder

FIRST, SECOND = "1.0.0", "1.1.0-rc.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Two releases, the later one with a changed executable, and the keys that both are signed with."""

    builder: Builder
    keys: Minisign

    @property
    def releases(self) -> Path:
        return self.builder.checkout.out / "edge/releases"

    def copied(self, version: str, place: Path) -> Path:
        """A copy of a release, links as links."""
        return Path(shutil.copytree(self.releases / version, place / version, symlinks=True))


@pytest.fixture(scope="session")
def keys(judges: Judges, session_place: Path) -> Iterator[Minisign]:  # noqa: F811
    """A pair of keys of minisign's own making."""
    place = session_place / "keys"
    place.mkdir()
    with Leash() as leash:
        made = Minisign(tree=judges("minisign"), runner=Runner(log=place / "log", leash=leash), directory=place)
        made.make_keys("-W")
        yield made


@pytest.fixture(scope="session")
def published(session_place: Path, original: Checkout, furnish: Furnish, keys: Minisign) -> Iterator[Published]:
    place = session_place / "published"
    shutil.copytree(original.root, place / "checkout")
    shutil.copytree(original.proxy, place / "proxy")
    checkout = replace(original, root=place / "checkout", proxy=place / "proxy")
    furnish(place / "cache")
    builder = Builder(checkout=checkout, cache=place / "cache")
    builder.good("release", FIRST, "-q", "--minisign-key", str(keys.secret))
    checkouts.replace(checkout.cluster_recipe, "version: 1.2.3", "version: 1.3.0")
    builder.good("release", SECOND, "-q", "--minisign-key", str(keys.secret))
    yield Published(builder=builder, keys=keys)
    remove_tree(place / "cache")


@pytest.fixture
def registry(judges: Judges, tmp_path: Path) -> Iterator[Registry]:  # noqa: F811
    with running_registry(judges("docker-registry"), tmp_path / "registry") as registry:
        yield registry
