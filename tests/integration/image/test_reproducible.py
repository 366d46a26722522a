"""The same image, whoever makes it, where, and with how many cores."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
import zstandard

from builder.app.make import targets_of
from builder.app.manifest import Manifest, ManifestContent
from builder.app.project import Project, find_project
from builder.app.wanted import Wanted
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.output import Output
from builder.io.files import remove_tree
from builder.steps.kinds.boot import BOOT, GRUB, INITRD
from builder.steps.kinds.image import IMAGE, SLOT
from builder.steps.step import reached

ROOT = Path(__file__).parents[3]
ARCH = Arch.ARMV7
# The same person outside, without any privilege inside; what belongs to others belongs to nobody there.
ORDINARY_USER = ("/usr/bin/unshare", "--user", "--map-user=65534", "--map-group=65534")
# Everything of a machine that must not show in the result.
ELSEWHERE = {"HOME": "/nonexistent", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "SOURCE_DATE_EPOCH": "1"}
KINDS = (BOOT, GRUB, IMAGE, INITRD, SLOT)

# Making kedge takes minutes where the cache does not have it.
pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture(scope="module")
def project() -> Project:
    return find_project(os.environ)


@pytest.fixture
def foreign_place() -> Iterator[Path]:
    """A directory with a space and letters beyond ASCII in its path."""
    root = Path(mkdtemp(prefix="image."))
    place = root / "another place, für später"
    place.mkdir()
    yield place
    remove_tree(root)


def made(checkout: Path, cache: Path, out: Path, *before: str, **env: str) -> dict[str, Digest]:
    """What lies beside the manifest."""
    environment = {**os.environ, **env, "PYTHONPATH": str(checkout), "BUILDER_CACHE": str(cache)}
    words = ["make", "--arch", ARCH, "--target", Output.IMAGE, "--out", str(out), "-q"]
    subprocess.run(
        [*before, sys.executable, "-P", "-m", "builder", *words], cwd=checkout, env=environment, check=True, umask=0o077
    )
    (place,) = (out / "edge" / ARCH / Output.IMAGE).iterdir()
    return {path.name: Digest.of_file(path) for path in place.iterdir() if path.name != "manifest.json"}


def seed(project: Project, cache: Path) -> None:
    """Put what an image is made of into a new cache, and nothing of the image."""
    (target,) = targets_of(project.open("edge"), Wanted(archs=[ARCH], outputs=[Output.IMAGE]))
    parts = [step for step in reached(target.step) if step.kind in KINDS]
    for key in {need.key for step in parts for need in step.needs.values() if need.kind not in KINDS}:
        name = Path("store", "entries", key.hex[:2], key.hex)
        shutil.copytree(project.cache / name, cache / name, symlinks=True)


def test_an_ordinary_user_makes_the_same_elsewhere(project: Project, foreign_place: Path, tmp_path: Path) -> None:
    if subprocess.run([*ORDINARY_USER, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespace can be made")
    first = made(ROOT, project.cache, tmp_path)
    _check_manifest(tmp_path)
    cache, checkout = foreign_place / "cache", foreign_place / "checkout"
    seed(project, cache)
    for name in ("builder", "recipes", "cluster", "overlays"):
        shutil.copytree(ROOT / name, checkout / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    one_core = ("/usr/bin/taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))
    assert made(checkout, cache, foreign_place / "out", *ORDINARY_USER, *one_core, **ELSEWHERE) == first
    assert {name.rpartition(".")[2] for name in first} == {"zst", "bmap", "json", "SHA256SUMS"}


def _check_manifest(out: Path) -> None:
    """It says what the image holds when it is not compressed."""
    (place,) = (out / "edge" / ARCH / Output.IMAGE).iterdir()
    (packed,) = place.glob("*.zst")
    whole, size_bytes = hashlib.sha256(), 0
    with packed.open("rb") as stream:
        for chunk in zstandard.ZstdDecompressor().read_to_iter(stream):
            whole.update(chunk)
            size_bytes += len(chunk)
    manifest = Manifest.model_validate_json((place / "manifest.json").read_bytes())
    told = {one.path: one.uncompressed for one in manifest.artifacts if one.uncompressed}
    digest = Digest.from_hex(whole.hexdigest())
    assert told == {packed.name: ManifestContent(digest=digest, size_bytes=size_bytes)}
