import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from builder.app.project import find_project
from builder.app.session import Session, Settings
from builder.app.vendor.compose import Scope, python_parts, requirement_files, toolchain_parts
from builder.core.arch import host_arch
from builder.core.digest import Digest
from builder.io.files import remove_tree
from builder.plan.toolchains import go_step, wheel_step
from builder.recipe.lockfile import read_lock
from builder.store.layout import Layout
from builder.toolchain.go import BOOTSTRAP_WHEEL
from tests.integration.app.checkout import REPOSITORY, Checkout, make_checkout
from tests.integration.app.driver import Builder

# No friend of careless quoting.
_PLACE = "Häuschen am See"

NewCache: TypeAlias = Callable[..., Path]
Furnish: TypeAlias = Callable[[Path], None]


@pytest.fixture(scope="session")
def downloaded() -> dict[str, Path]:
    """The store entries of the Go toolchain and of what fetches it, by their step, in the cache of this user."""
    project = find_project(os.environ)
    lock = read_lock(REPOSITORY / "recipes" / "edge.lock")
    keys: list[tuple[str, Digest]] = [
        (step.id, step.key) for step in (wheel_step(lock, BOOTSTRAP_WHEEL, host_arch()), go_step(lock, host_arch()))
    ]
    layout = Layout(root=project.store)
    if not all(layout.record(key).exists() for _, key in keys):
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        argv = [sys.executable, "-P", "-m", "builder", "tool", "go", "version"]
        subprocess.run(argv, cwd=REPOSITORY, env=environment, check=True)
    return {step: layout.entry(key) for step, key in keys}


@pytest.fixture(scope="session")
def session_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("app")
    yield place
    remove_tree(place)


@pytest.fixture(scope="session")
def original(session_place: Path) -> Checkout:
    """The checkout that tests get copies of."""
    return make_checkout(session_place / "original")


@pytest.fixture(scope="session")
def go_builds(session_place: Path, original: Checkout, downloaded: dict[str, Path]) -> Path:
    """A build cache of Go in which its standard library is compiled for what the small cluster is built for."""
    cache = session_place / "cache"
    link_entries(cache, downloaded.values())
    Builder(checkout=original, cache=cache).good("make")
    remove_tree(original.out)
    return cache / "go" / "build"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / _PLACE
    made.mkdir()
    yield made
    # Store entries are read-only, which pytest's own cleaning does not expect.
    remove_tree(made)


@pytest.fixture
def checkout(place: Path, original: Checkout) -> Checkout:
    shutil.copytree(original.root, place / "checkout")
    shutil.copytree(original.proxy, place / "proxy")
    return replace(original, root=place / "checkout", proxy=place / "proxy")


@pytest.fixture(scope="session")
def furnish(downloaded: dict[str, Path], go_builds: Path) -> Furnish:
    """Fills a cache directory with the toolchains and Go's compiled standard library."""

    def fill(cache: Path) -> None:
        link_entries(cache, downloaded.values())
        (cache / "go").mkdir()
        (cache / "go" / "build").symlink_to(go_builds)

    return fill


@pytest.fixture
def new_cache(place: Path, downloaded: dict[str, Path]) -> NewCache:
    """Makes cache directories that hold nothing but some of the downloaded toolchains."""

    def make(name: str, *tools: str) -> Path:
        cache = place / name
        link_entries(cache, (downloaded[step] for step in tools))
        return cache

    return make


@pytest.fixture
def cache(place: Path, furnish: Furnish) -> Path:
    furnish(place / "cache")
    return place / "cache"


@pytest.fixture
def builder(checkout: Checkout, cache: Path) -> Builder:
    return Builder(checkout=checkout, cache=cache)


def link_entries(cache: Path, entries: Iterable[Path]) -> None:
    """Let a new store have `entries` by links: a store never writes to an entry, and removes no more than the link."""
    (cache / "store").mkdir(parents=True)
    for entry in entries:
        shard = cache / "store" / "entries" / entry.parent.name
        shard.mkdir(parents=True, exist_ok=True)
        (shard / entry.name).symlink_to(entry)


@pytest.fixture
def bare(new_cache: NewCache, checkout: Checkout) -> Builder:
    """A builder whose cache is empty."""
    return Builder(checkout=checkout, cache=new_cache("bare"))


@pytest.fixture(scope="session")
def registry_files() -> list[Path]:
    """The store entries of toolchains and Python packages as registries have them, in the cache of this user."""
    project = find_project(os.environ)
    host, lock = host_arch(), read_lock(REPOSITORY / "recipes" / "edge.lock")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    scope = Scope(
        archs=(), hosts=(host,), pythons=(version,), requirements=requirement_files(project, development=False)
    )
    steps = [part.step for part in (*toolchain_parts(lock, (host,), host=host), *python_parts(scope))]
    with Session(project, Settings()) as session:
        session.build(steps)
    layout = Layout(root=project.store)
    return [layout.entry(step.key) for step in steps]


@pytest.fixture
def stocked(builder: Builder, registry_files: list[Path]) -> Builder:
    """A builder that needs registries for the Go modules of the small cluster alone."""
    entries = builder.cache / "store" / "entries"
    for entry in registry_files:
        (entries / entry.parent.name).mkdir(exist_ok=True)
        (entries / entry.parent.name / entry.name).symlink_to(entry)
    return builder
