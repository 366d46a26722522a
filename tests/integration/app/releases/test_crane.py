"""Releases in registries, read by Google's crane, which is built for it out of locked modules."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.airgap.registry import Registry
from tests.integration.app.checkout import REPOSITORY
from tests.integration.app.driver import Builder
from tests.integration.app.releases.conftest import SECOND, Published
from tests.integration.app.releases.test_registry import at_home, files

pytestmark = pytest.mark.slow
_MODULE = Path(__file__).parent / "crane"
_PACKAGE = "github.com/google/go-containerregistry/cmd/crane"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crane:
    """crane, as somebody with the home directory `home`, who trusts the authority of `registry`."""

    executable: Path
    registry: Registry
    home: Path

    def run(self, *arguments: str | Path) -> bytes:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "SSL_CERT_FILE": str(self.registry.authority),
        }
        argv = [self.executable, *arguments]
        ran = subprocess.run(argv, env=environment, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("crane") / "crane"
    go = [str(REPOSITORY / "builderw"), "tool", "--directory", str(_MODULE), "go", "build", f"-o={built}", _PACKAGE]
    subprocess.run(go, check=True)
    return built


@pytest.fixture
def crane(executable: Path, registry: Registry, tmp_path: Path) -> Crane:
    (tmp_path / "home").mkdir()
    return Crane(executable=executable, registry=registry, home=registry.home(tmp_path / "home"))


@pytest.fixture
def builder(published: Published, crane: Crane) -> Builder:
    return at_home(published.builder, crane.home)


def test_crane_reads_and_copies_what_was_published(
    published: Published, builder: Builder, crane: Crane, tmp_path: Path
) -> None:
    repository = f"{crane.registry.host}/team/edge"
    reference = builder.good("publish", str(published.releases / SECOND), repository).out.strip()
    assert crane.run("ls", repository).decode().split() == [SECOND]
    digest = crane.run("digest", f"{repository}:{SECOND}").decode().strip()
    assert f"{repository}@{digest}" == reference
    for layer in json.loads(crane.run("manifest", reference))["layers"]:
        name = layer["annotations"]["org.opencontainers.image.title"]
        data = (published.releases / SECOND / name).read_bytes()
        assert crane.run("blob", f"{repository}@{layer['digest']}") == data
    crane.run("copy", reference, f"{crane.registry.host}/mirror/edge:{SECOND}")
    builder.good("fetch", f"{crane.registry.host}/mirror/edge:{SECOND}", str(tmp_path / "fetched"))
    assert files(tmp_path / "fetched") == files(published.releases / SECOND)


def test_crane_publishes_what_the_builder_fetches(
    published: Published, builder: Builder, crane: Crane, tmp_path: Path
) -> None:
    """It takes the layout of a release once its links are files."""
    reference = f"{crane.registry.host}/team/by-crane:{SECOND}"
    layout = shutil.copytree(published.releases / SECOND / "oci", tmp_path / "layout")
    crane.run("push", layout, reference)
    builder.good("fetch", reference, str(tmp_path / "fetched"))
    assert files(tmp_path / "fetched") == files(published.releases / SECOND)
