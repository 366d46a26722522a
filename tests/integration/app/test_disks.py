"""Outputs and caches on file systems that are full, read-only, or not the same."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from builder.core.errors import ExitCode
from builder.core.resources import MIB
from builder.io.files import remove_tree
from tests.integration.app import checkout as files
from tests.integration.app.checkout import Checkout
from tests.integration.app.conftest import Furnish
from tests.integration.app.driver import Builder, tree
from tests.integration.app.namespaces import Mounts, private_mounts

SmallCache: TypeAlias = Callable[[int], tuple[Builder, Path]]
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it


@pytest.fixture
def mounts() -> Iterator[Mounts]:
    with private_mounts() as made:
        yield made


@pytest.fixture
def inside(builder: Builder, checkout: Checkout, mounts: Mounts) -> Builder:
    return replace(builder, wrapper=mounts.inside(checkout.root))


def test_a_read_only_output_is_told_before_anything_is_built(inside: Builder, mounts: Mounts) -> None:
    out = inside.checkout.out
    out.mkdir()
    mounts.bind_read_only(out)
    result = inside.run("make", "-q")
    assert result.code == ExitCode.BUILD_FAILED
    assert result.err == (
        f"error: the output directory {out} cannot be written\n"
        "hint: make it writable, or choose another output directory\n"
    )
    assert not list((inside.cache / "logs").glob("*")), "no command has run"
    assert list(out.iterdir()) == []


def test_a_read_only_cache(inside: Builder, mounts: Mounts) -> None:
    inside.good("make", "-q")
    before = tree(inside.cache / "store" / "entries")
    mounts.bind_read_only(inside.cache)
    result = inside.run("make")
    assert result.code == ExitCode.BUILD_FAILED
    assert result.err == (
        f"error: the store {inside.cache}/store cannot be written\n"
        "hint: make it writable, or choose another cache directory with BUILDER_CACHE\n"
    )
    assert tree(inside.cache / "store" / "entries") == before


def test_a_full_output_keeps_what_was_there(inside: Builder, mounts: Mounts) -> None:
    seen = mounts.mount(inside.checkout.out, 3 * MIB)
    inside.good("make", "--arch", "armv7", "-q")
    before = tree(seen)
    result = inside.run("make", "-q", "--set", "cluster.version=9.9.9")
    assert result.code == ExitCode.BUILD_FAILED
    assert f"the file system {inside.checkout.out} (tmpfs) is too full for the output" in result.err
    assert "free: " in result.err
    assert tree(seen) == before


@pytest.fixture
def small_cache(inside: Builder, mounts: Mounts, place: Path, furnish: Furnish) -> SmallCache:
    """Makes a builder whose cache lies on a file system of a size."""

    def make(size_bytes: int) -> tuple[Builder, Path]:
        cache = place / "klein"
        seen = mounts.mount(cache, size_bytes)
        furnish(seen)
        return replace(inside, cache=cache), seen

    return make


def test_a_full_store_is_told_before_a_step_starts(small_cache: SmallCache) -> None:
    small, seen = small_cache(12 * MIB)
    result = small.run("make")
    assert result.code == ExitCode.BUILD_FAILED
    assert f"the file system {small.cache} (tmpfs) is too full for edge/modules" in result.err
    assert "needed: 16.0 MiB" in result.err
    assert list((seen / "store" / "work").iterdir()) == []


def test_a_store_that_fills_up_is_named(small_cache: SmallCache, checkout: Checkout) -> None:
    small, seen = small_cache(22 * MIB)
    blob = checkout.main.parent / "blob"
    blob.write_bytes(secrets.token_bytes(9 * MIB))
    files.replace(checkout.main, "func main", "//go:embed blob\nvar blob string\n\nfunc main")
    files.replace(checkout.main, "import (\n", 'import (\n\t_ "embed"\n')
    files.replace(checkout.main, "greeting.Text()", "greeting.Text() + blob[:1]")
    result = small.run("make", "--arch", "armv7")
    assert result.code == ExitCode.BUILD_FAILED
    assert f"the file system {small.cache} (tmpfs) became full while edge/armv7/executable was made" in result.err
    assert "free some space there, or choose another place; nothing half-made was kept" in result.err
    assert list((seen / "store" / "work").iterdir()) == []
    assert not checkout.out.exists()
    blob.write_bytes(b"small")
    assert small.make("--arch", "armv7").steps() == ["edge/armv7/executable"]


def test_a_cache_on_another_file_system_than_the_output(builder: Builder, checkout: Checkout, furnish: Furnish) -> None:
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == checkout.root.stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    place = SHARED_MEMORY / f"builder tests {secrets.token_hex(4)}"
    try:
        furnish(place)
        replace(builder, cache=place).good("make", "-q", "--out", str(checkout.out))
        builder.good("make", "-q", "--out", str(checkout.root / "other"))
        for arch in ("armv7", "amd64"):
            one, other = (checkout.root / out / "edge" / arch / "tiny" for out in ("out", "other"))
            assert one.read_bytes() == other.read_bytes()
    finally:
        remove_tree(place)
