"""A real Docker daemon, the image that the project makes for it, and a user who may use both."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import pytest

from builder.app.project import find_project
from builder.core.arch import host_arch
from builder.io.files import remove_tree
from tests.integration.airgap.conftest import Judges, judges, runner  # noqa: F401 - fixtures
from tests.integration.app.checkout import REPOSITORY, Checkout
from tests.integration.app.docker.dockerd import Dockerd, running_dockerd
from tests.integration.app.driver import Builder
from tests.integration.app.releases.conftest import keys, published  # noqa: F401 - fixtures

USER = 65534
_CAPABILITY = "-all,+dac_read_search"
# The user, who may read this machine's Python wherever it lies.
AS_USER = (
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
    *(f"--{kind}={_CAPABILITY}" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultImage:
    """The image that builds run in by default: its id, and the Python environment that the project keeps for it."""

    id: str
    environment: Path


@pytest.fixture(scope="session")
def programs(judges: Judges) -> Path:  # noqa: F811
    """The directory `usr` of Debian's packages of the daemon."""
    if os.geteuid() != 0:
        pytest.skip("dockerd needs root")
    return judges("docker").root / "usr"


@pytest.fixture(scope="session")
def dockerd(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    place = Path(mkdtemp(prefix="dockerd.", dir=tmp_path_factory.getbasetemp()))
    with running_dockerd(programs, place / "d", group=USER) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def default_image(dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> DefaultImage:
    """Made by a build of this checkout in a container: of what the image is made of, which the store has by then."""
    out = tmp_path_factory.mktemp("default")
    argv = [sys.executable, "-P", "-m", "builder", "make", "executor", "--arch", host_arch(), "--executor", "docker"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "DOCKER_HOST": dockerd.host}
    subprocess.run([*argv, "--out", str(out)], cwd=REPOSITORY, env=environment, check=True)
    told = json.loads((out / "executor" / host_arch() / "rootfs/manifest.json").read_text())
    executor, _, image = told["executor"].partition(" ")
    assert executor == "docker"
    place = find_project(os.environ).cache / "venv" / f"docker-{image.removeprefix('sha256:')[:16]}"
    return DefaultImage(id=image, environment=place)


@pytest.fixture(scope="session")
def user_place() -> Iterator[Path]:
    """A directory that the user can reach, which those of pytest are not."""
    place = Path(mkdtemp(prefix="builder-docker.", dir="/var/tmp"))
    place.chmod(0o755)
    yield place
    remove_tree(place)


@pytest.fixture(scope="session")
def furnished(user_place: Path, downloaded: dict[str, Path], go_builds: Path, default_image: DefaultImage) -> Path:
    """A cache of real files with toolchains, Go's compiled standard library and Python: links out of it lead nowhere inside."""
    cache = user_place / "cache"
    for entry in downloaded.values():
        shutil.copytree(entry, cache / "store/entries" / entry.parent.name / entry.name, symlinks=True)
    shutil.copytree(go_builds, cache / "go/build")
    shutil.copytree(default_image.environment, cache / "venv" / default_image.environment.name, symlinks=True)
    return cache


@pytest.fixture(scope="session")
def visitor(user_place: Path, original: Checkout, furnished: Path, dockerd: Dockerd) -> Builder:
    """A builder of another user's, in directories of its own."""
    shutil.copytree(original.root, user_place / "checkout")
    shutil.copytree(original.proxy, user_place / "proxy")
    for path in (user_place, *user_place.rglob("*")):
        os.lchown(path, USER, USER)
    checkout = replace(original, root=user_place / "checkout", proxy=user_place / "proxy")
    return Builder(checkout=checkout, cache=furnished, extra={"DOCKER_HOST": dockerd.host}, wrapper=AS_USER)


@pytest.fixture(scope="session")
def in_docker(default_image: DefaultImage) -> tuple[str, ...]:
    """What lets a command build in a container."""
    return "--executor", "docker", "--executor-image", default_image.id
