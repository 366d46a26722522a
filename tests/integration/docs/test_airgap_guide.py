"""The guide to images without a network: its recipe is one, and its commands say what it says that they do."""

import re
import subprocess
from pathlib import Path

import pytest

from builder.oci.bundle import write_bundle
from builder.recipe.load import load_recipe
from tests.integration.docs.commands import ROOT, Documented, documented_commands
from tests.unit.oci.made import EPOCH_S, Made, make_image

GUIDE = "docs/guides/airgap.md"
_RECIPE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[Documented]:
    return [command for command in documented_commands() if command.file == GUIDE]


def test_the_recipe_is_one(tmp_path: Path) -> None:
    first, layer, second = _RECIPE.findall((ROOT / GUIDE).read_text())
    path = tmp_path / "gateway.yaml"
    (tmp_path / "layer.yaml").write_text(layer)
    extended = f"extends: [{ROOT}/recipes/edge.yaml, layer.yaml]"
    path.write_text(first.replace("extends: edge.yaml", extended) + second)
    recipe = load_recipe(path, cwd=tmp_path).recipe
    assert list(recipe.images) == ["pause", "curl", "broker", "viewer", "trial", "agent"]
    assert recipe.bundle.config == tmp_path / "kedge.yaml"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory as the guide's reader has it."""
    for name in ("kedge.local/pause:1.0.0", "registry.example.com/team/broker:2.4"):
        make_image(tmp_path / name.replace("/", "-"), Made(reference=name))
    images = [path for path in tmp_path.iterdir() if path.is_dir()]
    write_bundle(images, tmp_path / "kedge-airgap-armv7.tar", epoch_s=EPOCH_S)
    (tmp_path / "kedge.yaml").write_text("apiVersion: kedge/v1\nkind: ClusterConfig\n")
    (tmp_path / "deploy").mkdir()
    pod = "spec: {containers: [{image: 'registry.example.com/team/broker:2.4'}]}\n"
    (tmp_path / "deploy/broker.yaml").write_text(pod)
    return tmp_path


def run(command: Documented, place: Path) -> "subprocess.CompletedProcess[str]":
    argv = [str(ROOT / "builderw"), *command.words[1:]]
    return subprocess.run(argv, cwd=place, capture_output=True, text=True, check=False, timeout=300)


def test_its_commands_work(place: Path) -> None:
    verify, listing = commands()[:2]
    done = run(verify, place)
    assert done.stdout == "kedge-airgap-armv7.tar is complete: 2 images needed, everything there and in order\n", done
    done = run(listing, place)
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "kedge.local/pause:1.0.0",
        "registry.example.com/team/broker:2.4",
    ]


def test_a_manifest_more_is_told(place: Path) -> None:
    (place / "deploy/more.yaml").write_text("spec: {containers: [{image: nginx}]}\n")
    done = run(commands()[0], place)
    assert done.returncode == 4
    assert "docker.io/library/nginx:latest: it is needed by deploy/more.yaml:1, and is not in the bundle" in done.stderr
    assert "has it pulled at every start" in done.stderr
