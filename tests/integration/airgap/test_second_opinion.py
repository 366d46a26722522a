"""`kedge airgap list-images` and what the builder asks bundles for agree, whatever the configuration says."""

from pathlib import Path

import pytest

from builder.oci.needs import find_needs
from tests.contracts.images.generate import PAUSE, listed
from tests.contracts.payload.generate import sample
from tests.integration.components.invoke import invoke

SPECS = {
    "nothing": "{}",
    "a repository": "{images: {repository: mirror.example.com}}",
    "a repository with port and path": "{images: {repository: 'mirror.example.com:5000/edge/k8s'}}",
    "another image": "{images: {pause: {image: registry.k8s.io/pause, version: '3.10.2'}}}",
    "another image with a path": "{images: {pause: {image: 'example.com:443/a/b/pause', version: v1_x.y-z}}}",
    "another image in a repository": (
        "{images: {repository: mirror.example.com/edge, pause: {image: registry.k8s.io/team/pause, version: '3.10.2'}}}"
    ),
    "a name without a registry in a repository": (
        "{images: {repository: mirror.example.com/edge, pause: {image: team/pause, version: '3.10.2'}}}"
    ),
    "a policy": "{images: {default_pull_policy: Never}}",
}


@pytest.mark.parametrize("name", SPECS)
def test_both_name_the_same_images(kedge: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "release").write_bytes(sample({"images.json": (0o644, listed(PAUSE))}).pack())
    config = tmp_path / "kedge.yaml"
    config.write_text(f"apiVersion: kedge/v1\nkind: ClusterConfig\nspec: {SPECS[name]}\n")
    options = (f"--file={tmp_path / 'release'}", f"--config={config}")
    result = invoke(kedge, "airgap", "list-images", *options)
    assert result.code == 0, result.stderr
    needs = find_needs({str(PAUSE["name"]): str(PAUSE["reference"])}, {"kedge.yaml": config})
    assert sorted(result.stdout.split()) == sorted(needs.places)
