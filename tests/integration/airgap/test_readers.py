"""What others read of bundles: containerd of both makes, skopeo, and a registry in between."""

import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.app.make import targets_of
from builder.app.session import Session
from builder.app.wanted import Wanted
from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.output import Output
from builder.io.spawn import Runner
from builder.oci.bundle import write_bundle
from builder.oci.documents import MANIFEST
from builder.oci.inventory import list_bundle
from builder.oci.platform import Platform
from tests.integration.airgap.conftest import Judges
from tests.integration.airgap.registry import Registry, Skopeo, running_registry
from tests.integration.components.invoke import invoke
from tests.integration.components.node import containerd
from tests.integration.components.process import running, wait_for
from tests.unit.oci.made import EPOCH_S, Made, make_image

PAUSE = "kedge.local/pause:1.0.0"


@pytest.fixture(scope="module")
def bundles(session: Session) -> dict[Arch, Path]:
    """The default recipe's bundle for each architecture, as it is in the store."""
    targets = targets_of(session.project.open("edge"), Wanted(outputs=[Output.BUNDLE]))
    built = session.build([target.step for target in targets])
    return {target.arch: next(built.output(target.step).glob("*.tar")) for target in targets}


@pytest.fixture
def larger(tmp_path: Path) -> Path:
    """A bundle of three images that share layers."""
    shared = {"usr/bin/app": os.urandom(3_000_000)}
    make_image(tmp_path / "a", Made(reference="registry.example.com/a:1", layers=(shared, {"etc/a": b"a"})))
    make_image(tmp_path / "b", Made(reference="registry.example.com/b:1", layers=(shared, {"etc/b": b"b"})))
    make_image(tmp_path / "c", Made(reference="docker.io/library/c:1", layers=({"etc/c": b"c"},)))
    write_bundle([tmp_path / name for name in "abc"], tmp_path / "larger.tar", epoch_s=EPOCH_S)
    return tmp_path / "larger.tar"


@contextmanager
def _kedges(request: pytest.FixtureRequest, directory: Path) -> Iterator[list[str]]:
    kedge: Path = request.getfixturevalue("kedge")
    settings = containerd(kedge, directory)
    with running(settings.argv, name="containerd", directory=directory) as daemon:
        wait_for(daemon, settings.socket.exists, what="listening")
        yield [str(kedge), "ctr", f"--address={settings.socket}", "--namespace=k8s.io"]


@contextmanager
def _debians(request: pytest.FixtureRequest, directory: Path) -> Iterator[list[str]]:
    judges: Judges = request.getfixturevalue("judges")
    tree = judges("containerd")
    argv, environment = tree.start("containerd")
    socket, config = directory / "containerd.sock", directory / "config.toml"
    config.write_text(
        f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n[grpc]\naddress = "{socket}"\n'
        f'[ttrpc]\naddress = "{socket}.ttrpc"\n[plugins."io.containerd.internal.v1.opt"]\npath = "{directory}/opt"\n'
    )
    command = (*argv, f"--config={config}")
    with running(command, name="containerd", directory=directory, environment=environment) as daemon:
        wait_for(daemon, socket.exists, what="listening")
        yield [*tree.start("ctr")[0], f"--address={socket}", "--namespace=k8s.io"]


@pytest.fixture(params=["kedge", "Debian"])
def ctr(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """How the ctr of a running containerd is called: of kedge's own, and of Debian's."""
    starting = _kedges if request.param == "kedge" else _debians
    with starting(request, tmp_path) as command:
        yield command


def test_containerd_imports_every_bundle(bundles: dict[Arch, Path], larger: Path, ctr: list[str]) -> None:
    for arch, bundle in [(Arch.ARMV7, larger), *bundles.items()]:
        said(ctr, "images", "import", "--no-unpack", "--platform", str(Platform.of(arch)), str(bundle))
        names = said(ctr, "images", "list", "--quiet").splitlines()
        blobs = said(ctr, "content", "ls", "--quiet").splitlines()
        for item in list_bundle(bundle):
            assert item.reference in names
            assert "complete" in said(ctr, "images", "check", f"name=={item.reference}")
            manifest = json.loads(said(ctr, "content", "get", item.digest))
            assert {layer["digest"] for layer in (manifest["config"], *manifest["layers"])} <= set(blobs)


def test_bills_of_materials_lie_beside_bundles(bundles: dict[Arch, Path]) -> None:
    digest = Digest.of_file(Path(__file__).parents[3] / "cluster/csrc/pause.c").hex
    for bundle in bundles.values():
        bill = json.loads((bundle.parent / "kedge.local+pause+1.0.0.cdx.json").read_bytes())
        hashes = {one["name"]: one["hashes"][0]["content"] for one in bill["components"]}
        assert hashes["pause.c"] == digest
        assert hashes.keys() == {"/pause", "pause.c"}


def said(ctr: list[str], *arguments: str) -> str:
    result = invoke(Path(ctr[0]), *ctr[1:], *arguments)
    assert result.code == 0, result.stderr
    return result.stdout


def skopeo(judges: Judges, runner: Runner, directory: Path) -> Skopeo:
    place = directory / "skopeo"
    place.mkdir()
    return Skopeo(tree=judges("skopeo"), runner=runner, directory=place)


def test_skopeo_reads_them(
    bundles: dict[Arch, Path], larger: Path, judges: Judges, runner: Runner, tmp_path: Path
) -> None:
    tool = skopeo(judges, runner, tmp_path)
    for arch, bundle in [(Arch.ARMV7, larger), *bundles.items()]:
        for item in list_bundle(bundle):
            source = f"oci-archive:{bundle}:{item.reference}"
            inspected = json.loads(tool.run("inspect", "--no-tags", source))
            assert inspected["Digest"] == item.digest
            assert (inspected["Architecture"], inspected["Os"]) == (Platform.of(arch).architecture, "linux")
            config = json.loads(tool.run("inspect", "--config", source))
            assert config.get("variant", "") == Platform.of(arch).variant
            if item.reference == PAUSE:
                assert (config["config"]["User"], config["config"]["Entrypoint"]) == ("65535:65535", ["/pause"])


@pytest.fixture
def registry(judges: Judges, tmp_path: Path) -> Iterator[Registry]:
    with running_registry(judges("docker-registry"), tmp_path / "registry") as registry:
        yield registry


def test_a_round_trip_keeps_every_digest(
    larger: Path, judges: Judges, runner: Runner, registry: Registry, tmp_path: Path
) -> None:
    tool = skopeo(judges, runner, tmp_path)
    for number, item in enumerate(list_bundle(larger)):
        tool.push(f"oci-archive:{larger}:{item.reference}", registry, f"trip/{number}:1")
        assert registry.digest_of(f"trip/{number}", "1", MANIFEST) == item.digest
        back = tmp_path / f"back{number}"
        tool.pull(registry, f"trip/{number}:1", f"oci:{back}:{item.reference}")
        (entry,) = json.loads((back / "index.json").read_bytes())["manifests"]
        assert entry["digest"] == item.digest
        with tarfile.open(larger, "r:") as tar:
            ours = {one.name: stream.read() for one in tar if (stream := tar.extractfile(one))}
        for blob in (back / "blobs/sha256").iterdir():
            assert ours[f"blobs/sha256/{blob.name}"] == blob.read_bytes()
        shutil.rmtree(back)
