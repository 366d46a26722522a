"""`kedge airgap list-images`: out of the list in a payload, and out of a configuration."""

from pathlib import Path

import pytest

from tests.contracts.images.generate import DNS, PAUSE, listed
from tests.contracts.payload.generate import sample
from tests.integration.components.invoke import invoke

CONFIG = "apiVersion: kedge/v1\nkind: ClusterConfig\nspec: {images: {repository: mirror.example.com/edge}}\n"


def _release(directory: Path, content: bytes) -> Path:
    path = directory / "kedge"
    path.write_bytes(sample({"images.json": (0o644, content)}).pack())
    return path


@pytest.mark.parametrize(
    ("config", "reference"), [(None, "kedge.local/pause:1.0.0"), (CONFIG, "mirror.example.com/edge/pause:1.0.0")]
)
def test_the_releases_image_is_listed(kedge: Path, tmp_path: Path, config: str | None, reference: str) -> None:
    arguments = [f"--file={_release(tmp_path, listed(DNS, PAUSE))}"]
    if config is not None:
        (tmp_path / "cluster.yaml").write_text(config)
        arguments.append(f"--config={tmp_path / 'cluster.yaml'}")
    result = invoke(kedge, "airgap", "list-images", *arguments)
    assert (result.code, result.stdout) == (0, reference + "\n"), result.stderr


@pytest.mark.parametrize(
    ("content", "problem"), [(listed(DNS), "without the image pause"), (b"{}", "the list of system images")]
)
def test_a_list_without_the_image_is_told(kedge: Path, tmp_path: Path, content: bytes, problem: str) -> None:
    result = invoke(kedge, "airgap", "list-images", f"--file={_release(tmp_path, content)}")
    assert (result.code, result.stdout) == (1, "")
    assert problem in result.stderr
