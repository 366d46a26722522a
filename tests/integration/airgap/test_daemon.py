"""Images of a real Docker daemon."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.errors import BuilderError, RecipeError
from builder.exec.result import StepsFailedError
from builder.oci.inventory import list_bundle
from builder.oci.layout import open_layout
from tests.integration.airgap.conftest import Judges
from tests.integration.airgap.dockerd import Dockerd, running_dockerd
from tests.integration.airgap.shop import Shop
from tests.unit.oci.mutations import elf

APP = "registry.example.com/team/app:1"


@pytest.fixture(scope="module")
def dockerd(judges: Judges, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    if os.geteuid() != 0:
        pytest.skip("dockerd needs root")
    with running_dockerd(judges("docker"), tmp_path_factory.mktemp("docker") / "d") as daemon:
        yield daemon


def shop(directory: Path, host: str) -> Shop:
    for name in ("home", "shop"):
        (directory / name).mkdir()
    return Shop(
        directory=directory / "shop",
        home=directory / "home",
        images={"app": APP},
        pull="daemon",
        variables={"DOCKER_HOST": host},
    )


def test_its_images_are_pinned_and_bundled(dockerd: Dockerd, tmp_path: Path) -> None:
    config = dockerd.load(APP, Arch.ARMV7, {"app": elf(Arch.ARMV7)})
    made = shop(tmp_path, dockerd.host)
    assert f"{APP} (armv7): nothing -> {config}" in made.lock()
    (item,) = list_bundle(made.make())
    assert (item.reference, item.platform, item.origin) == (APP, "linux/arm/v7", "daemon")
    layout = open_layout(made.bundle)
    manifest = layout.document(f"blobs/{item.digest.replace(':', '/')}")
    assert manifest["config"]["digest"] == config
    assert [layer["mediaType"] for layer in manifest["layers"]] == ["application/vnd.oci.image.layer.v1.tar+zstd"]


def test_an_image_that_was_built_anew_is_told(dockerd: Dockerd, tmp_path: Path) -> None:
    dockerd.load(APP, Arch.ARMV7, {"app": elf(Arch.ARMV7)})
    made = shop(tmp_path, dockerd.host)
    made.lock()
    config = dockerd.load(APP, Arch.ARMV7, {"app": elf(Arch.ARMV7), "etc/app": b"anew"})
    with pytest.raises(StepsFailedError) as caught:
        made.make()
    (failure,) = caught.value.result.failures
    assert f"the Docker daemon's image {APP} is not what the lock pins" in str(failure.error)
    made.lock(anew=True)
    assert config in (made.lock_file.read_text())
    made.make()


def test_what_the_daemon_does_not_have_is_told(dockerd: Dockerd, tmp_path: Path) -> None:
    dockerd.load(APP, Arch.AMD64, {"app": elf(Arch.AMD64)})
    made = shop(tmp_path, dockerd.host)
    with pytest.raises(RecipeError) as caught:
        made.lock()
    assert "is for linux/amd64, not for linux/arm/v7" in str(caught.value)
    made.images = {"app": "registry.example.com/team/none:1"}
    made.write()
    with pytest.raises(RecipeError) as caught:
        made.lock()
    assert "the Docker daemon has no image registry.example.com/team/none:1" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("unix:///nonexistent/docker.sock", "no Docker daemon answers at unix:///nonexistent/docker.sock"),
        ("tcp://127.0.0.1:1", "no Docker daemon answers at tcp://127.0.0.1:1"),
        ("ssh://there", "DOCKER_HOST is ssh://there, which is neither unix:// nor tcp://"),
    ],
)
def test_a_daemon_that_is_not_there_is_told(tmp_path: Path, host: str, told: str) -> None:
    with pytest.raises(BuilderError) as caught:
        shop(tmp_path, host).lock()
    assert told in str(caught.value)
