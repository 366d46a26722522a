"""`kedge airgap import` into kedge's own containerd: everything or nothing."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.core.arch import host_arch
from builder.formats.tar import BLOCK_BYTES
from builder.oci.bundle import write_bundle
from builder.oci.inventory import list_bundle
from builder.oci.parts import part_path
from builder.payload.bundle import embed_bundle
from tests.contracts.images.generate import listed
from tests.contracts.payload.generate import sample
from tests.integration.airgap.minisign import Minisign
from tests.integration.components.invoke import Result, invoke
from tests.integration.components.node import containerd
from tests.integration.components.process import running, wait_for
from tests.unit.oci.made import EPOCH_S, Made, make_image
from tests.unit.oci.mutations import MUTATIONS, REFERENCE, elf, read

PAUSE = "kedge.local/pause:1.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A running containerd, and a release of kedge in `directory` that was made with the image of `system`."""

    kedge: Path
    socket: Path
    directory: Path

    @property
    def system(self) -> Path:
        return self.directory / "system.tar"

    def imports(self, *bundles: Path, options: tuple[str, ...] = ()) -> Result:
        arguments = [f"--containerd-socket={self.socket}", f"--file={self.directory / 'release'}", *options]
        return invoke(self.kedge, "airgap", "import", *arguments, *map(str, bundles))

    def ctr(self, *arguments: str) -> str:
        result = invoke(self.kedge, "ctr", f"--address={self.socket}", "--namespace=k8s.io", *arguments)
        assert result.code == 0, result.stderr
        return result.stdout

    def images(self) -> str:
        return self.ctr("images", "ls", "--quiet")

    def blobs(self) -> set[str]:
        return set(self.ctr("content", "ls", "--quiet").split())

    def refuses(self, *bundles: Path, options: tuple[str, ...] = ()) -> str:
        """What is told of bundles of which nothing arrives; containerd may clean up after earlier ones meanwhile."""
        images, blobs = self.images(), self.blobs()
        result = self.imports(*bundles, options=options)
        assert (result.code, result.stdout, self.images()) == (1, "", images)
        assert self.blobs() <= blobs
        return result.stderr


@pytest.fixture(scope="module")
def device(kedge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    directory = tmp_path_factory.mktemp("device")
    settings = containerd(kedge, directory)
    digest = make_bundle(directory / "system.tar", PAUSE)
    release = listed({"digest": digest, "name": "pause", "reference": PAUSE}, arch=str(host_arch()))
    (directory / "release").write_bytes(sample({"images.json": (0o644, release)}).pack())
    with running(settings.argv, name="containerd", directory=directory) as daemon:
        wait_for(daemon, settings.socket.exists, what="listening")
        yield Device(kedge=kedge, socket=settings.socket, directory=directory)


@pytest.fixture
def filled(device: Device) -> Device:
    """With the system's image in it."""
    assert device.imports(device.system).code == 0
    return device


def make_bundle(path: Path, reference: str, content: bytes = b"settings") -> str:
    """A bundle of one image, whose digest is returned."""
    layers = ({"app": elf(host_arch())}, {"etc/app": content})
    note = make_image(path.with_suffix(""), Made(reference=reference, arch=host_arch(), layers=layers))
    write_bundle([path.with_suffix("")], path, epoch_s=EPOCH_S)
    return note.manifest.digest


def test_images_arrive_pinned_and_by_digest_too(device: Device, tmp_path: Path) -> None:
    make_bundle(tmp_path / "app.tar", REFERENCE)
    for _ in range(2):
        result = device.imports(device.system, tmp_path / "app.tar")
        assert (result.code, result.stdout.split()) == (0, [PAUSE, REFERENCE]), result.stderr
    lines = device.ctr("images", "ls").splitlines()
    for item in (*list_bundle(device.system), *list_bundle(tmp_path / "app.tar")):
        repository = item.reference.rpartition(":")[0]
        for name in (item.reference, f"{repository}@{item.digest}"):
            (line,) = [line for line in lines if line.startswith(f"{name} ")]
            assert item.digest in line
            assert "io.cri-containerd.pinned=pinned" in line
            assert "io.cri-containerd.image=managed" in line
            assert "complete" in device.ctr("images", "check", f"name=={name}")
        json.loads(device.ctr("content", "get", item.digest))


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_is_refused_and_nothing_arrives(filled: Device, tmp_path: Path, name: str) -> None:
    change, words = MUTATIONS[name]
    make_bundle(tmp_path / "app.tar", "registry.example.com/app:1", name.encode())
    make_bundle(tmp_path / "good.tar", "registry.example.com/good:1", name.encode())
    members = read(tmp_path / "app.tar")
    change(members)
    members.write(tmp_path / "bad.tar")
    told = filled.refuses(tmp_path / "good.tar", tmp_path / "bad.tar")
    for word in (one.replace("'", '"') for one in words if "need" not in one):
        assert word in told


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 1.0])
def test_a_truncated_bundle_is_refused(filled: Device, tmp_path: Path, part: float) -> None:
    make_bundle(tmp_path / "app.tar", "registry.example.com/app:1", b"cut")
    data = (tmp_path / "app.tar").read_bytes().rstrip(b"\0")
    data += bytes(-len(data) % BLOCK_BYTES)  # the last member whole, the archive's end missing
    (tmp_path / "app.tar").write_bytes(data[: int(len(data) * part)])
    told = filled.refuses(tmp_path / "app.tar")
    assert "cut" in told


def test_two_bundles_must_not_have_two_images_of_one_name(filled: Device, tmp_path: Path) -> None:
    make_bundle(tmp_path / "a.tar", "registry.example.com/twice:1", b"a")
    make_bundle(tmp_path / "b.tar", "registry.example.com/twice:1", b"b")
    told = filled.refuses(tmp_path / "a.tar", tmp_path / "b.tar")
    assert "two images have this reference" in told


def test_a_system_image_is_bound_unless_the_configuration_names_it(filled: Device, tmp_path: Path) -> None:
    make_bundle(tmp_path / "other.tar", PAUSE, b"other")
    told = filled.refuses(tmp_path / "other.tar")
    assert f"{PAUSE}: it is sha256:" in told
    assert "spec.images" in told
    config = tmp_path / "cluster.yaml"
    pause = "{image: kedge.local/pause, version: 1.0.0}"
    config.write_text(f"apiVersion: kedge/v1\nkind: ClusterConfig\nspec: {{images: {{pause: {pause}}}}}\n")
    assert filled.imports(tmp_path / "other.tar", options=(f"--config={config}",)).code == 0
    assert filled.imports(filled.system).code == 0


def test_without_the_systems_image_nothing_is_imported(device: Device, tmp_path: Path) -> None:
    make_bundle(tmp_path / "app.tar", "registry.example.com/lone:1", b"lone")
    config = tmp_path / "cluster.yaml"
    config.write_text(
        "apiVersion: kedge/v1\nkind: ClusterConfig\nspec: {images: {repository: mirror.example.com/edge}}\n"
    )
    told = device.refuses(tmp_path / "app.tar", options=(f"--config={config}",))
    assert "no pod starts without mirror.example.com/edge/pause:1.0.0" in told


def test_parts_are_one_bundle(filled: Device, tmp_path: Path) -> None:
    make_image(
        tmp_path / "app",
        Made(reference="registry.example.com/parts:1", arch=host_arch(), layers=({"etc/app": os.urandom(5000)},)),
    )
    first = write_bundle([tmp_path / "app"], tmp_path / "app.tar", epoch_s=EPOCH_S, part_bytes=1000)
    assert filled.imports(first).stdout == "registry.example.com/parts:1\n"
    part_path(tmp_path / "app.tar", 3).rename(tmp_path / "away")
    told = filled.refuses(first)
    assert "app.tar.03 is missing" in told


def test_where_a_key_is_named_only_signed_bundles_are_imported(
    filled: Device, minisign: Minisign, tmp_path: Path
) -> None:
    bundle, options = tmp_path / "app.tar", (f"--minisign-public-key={minisign.public}",)
    make_bundle(bundle, "registry.example.com/signed:1", os.urandom(5000))
    minisign.make_keys("-W")
    assert "app.tar.minisig: no such file" in filled.refuses(bundle, options=options)
    minisign.sign(bundle)
    assert filled.imports(bundle, options=options).stdout == "registry.example.com/signed:1\n"
    minisign.make_keys("-f", "-W")
    assert "it is of the key" in filled.refuses(bundle, options=options)


def test_the_bundle_in_kedges_own_file_is_found(device: Device, tmp_path: Path) -> None:
    plain, carrying = device.directory / "release", tmp_path / "kedge"
    embed_bundle(plain, [device.system], carrying)
    (item,) = list_bundle(device.system)
    listed = invoke(device.kedge, "airgap", "list", f"--file={carrying}")
    assert listed.stdout.split() == [PAUSE, item.digest], listed.stderr
    socket = f"--containerd-socket={device.socket}"
    result = invoke(device.kedge, "airgap", "import", socket, f"--file={carrying}")
    assert (result.code, result.stdout) == (0, f"{PAUSE}\n"), result.stderr
    result = invoke(device.kedge, "airgap", "import", socket, f"--file={plain}")
    assert (result.code, result.stdout) == (2, "")
    assert "kedge's own file carries none" in result.stderr
    data = bytearray(carrying.read_bytes())
    data[plain.stat().st_size + BLOCK_BYTES] ^= 1  # the first member's content
    carrying.write_bytes(data)
    result = invoke(device.kedge, "airgap", "import", socket, f"--file={carrying}")
    assert (result.code, result.stdout) == (1, "")
    assert "oci-layout is no JSON of the right form" in result.stderr


def test_a_containerd_that_is_not_there_is_told(device: Device, tmp_path: Path) -> None:
    result = invoke(device.kedge, "airgap", "import", f"--run-dir={tmp_path}", str(device.system))
    assert result.code == 1
    assert f"{tmp_path}/containerd.sock" in result.stderr
    assert "start the worker first" in result.stderr
