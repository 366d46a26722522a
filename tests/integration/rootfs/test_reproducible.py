"""The same archive, whoever makes it, where, with how many cores, from a cold cache and from a warm one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from builder.app.make import targets_of
from builder.app.project import Project, find_project
from builder.app.wanted import Wanted
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.output import Output
from builder.io.files import remove_tree
from builder.steps.step import reached

ROOT = Path(__file__).parents[3]
ARCH = Arch.ARMV7
# The same person outside, without any privilege inside; what belongs to others belongs to nobody there.
ORDINARY_USER = ("/usr/bin/unshare", "--user", "--map-user=65534", "--map-group=65534")
# Everything of a machine that must not show in the result.
ELSEWHERE = {"HOME": "/nonexistent", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "SOURCE_DATE_EPOCH": "1"}

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def project() -> Project:
    return find_project(os.environ)


@pytest.fixture(scope="module")
def first(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Digest:
    """The archive as this user makes it in the own cache."""
    return made(ROOT, project.cache, tmp_path_factory.mktemp("first"))


@pytest.fixture
def foreign_place() -> Iterator[Path]:
    """A directory with a space and letters beyond ASCII in its path."""
    root = Path(mkdtemp(prefix="rootfs."))
    place = root / "another place, für später"
    place.mkdir()
    yield place
    remove_tree(root)


def made(checkout: Path, cache: Path, out: Path, *, cores: int = 0, **env: str) -> Digest:
    """The archive that a builder makes; with `cores` it is an ordinary user's, who has so many."""
    environment = {**os.environ, **env, "PYTHONPATH": str(checkout), "BUILDER_CACHE": str(cache)}
    argv = [
        sys.executable,
        "-P",
        "-m",
        "builder",
        "make",
        "--arch",
        ARCH,
        "--target",
        "rootfs",
        "--out",
        str(out),
        "-q",
    ]
    if not cores:
        subprocess.run(argv, cwd=checkout, env=environment, check=True)
    else:
        subprocess.run(
            [*ORDINARY_USER, *argv],
            cwd=checkout,
            env=environment,
            check=True,
            umask=0o077,
            preexec_fn=lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores]),
        )
    return Digest.of_file(out / "edge" / ARCH / "rootfs" / "rootfs.tar")


def seed(project: Project, cache: Path) -> None:
    """Put what was downloaded into a new cache, and nothing that was made of it."""
    (target,) = targets_of(project.open("edge"), Wanted(archs=[ARCH], outputs=[Output.ROOTFS]))
    for step in reached(target.step):
        if step.kind.downloads:
            name = Path("store", "entries", step.key.hex[:2], step.key.hex)
            shutil.copytree(project.cache / name, cache / name, symlinks=True)


@pytest.mark.parametrize("cores", [1, 2])
def test_an_ordinary_user_makes_the_same_elsewhere(
    project: Project, first: Digest, foreign_place: Path, cores: int
) -> None:
    if subprocess.run([*ORDINARY_USER, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespace can be made")
    cache, checkout = foreign_place / "cache", foreign_place / "checkout"
    seed(project, cache)
    for name in ("builder", "recipes", "cluster", "overlays"):
        shutil.copytree(ROOT / name, checkout / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    assert made(checkout, cache, foreign_place / "out", cores=cores, **ELSEWHERE) == first


def test_the_archive_is_in_the_manifest_and_in_the_checksums(project: Project, tmp_path: Path) -> None:
    made(ROOT, project.cache, tmp_path)
    place = tmp_path / "edge" / ARCH / "rootfs"
    assert sorted(path.name for path in place.iterdir()) == [
        "SHA256SUMS",
        "changes.json",
        "manifest.json",
        "rootfs.tar",
    ]
    for line in (place / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert Digest.of_file(place / name).hex == digest
