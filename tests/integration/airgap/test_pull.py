"""Images out of a real registry: locked, pulled, verified, and told about when they cannot be had."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import RecipeError
from builder.core.events import StepFinished
from builder.exec.result import StepsFailedError
from builder.io.spawn import Runner
from builder.oci.documents import INDEX, Compression
from builder.oci.inventory import list_bundle
from builder.oci.verify import Expected, verify_bundle
from tests.integration.airgap.conftest import Judges
from tests.integration.airgap.registry import PASSWORD, USER, Registry, Skopeo, running_registry, write_layout
from tests.integration.airgap.shop import Shop
from tests.unit.oci.made import Made, make_image

SHARED = {"usr/bin/app": bytes(range(256)) * 40_000}


@pytest.fixture
def registry(judges: Judges, tmp_path: Path) -> Iterator[Registry]:
    with running_registry(judges("docker-registry"), tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def skopeo(judges: Judges, runner: Runner, tmp_path: Path) -> Skopeo:
    (tmp_path / "skopeo").mkdir()
    return Skopeo(tree=judges("skopeo"), runner=runner, directory=tmp_path / "skopeo")


@pytest.fixture
def home(registry: Registry, tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return registry.home(tmp_path / "home")


def layout(directory: Path, layers: Mapping[Arch, Mapping[str, bytes]]) -> str:
    """An image layout with an index of images for several platforms; how skopeo calls it."""
    directory.mkdir()
    entries: list[dict[str, object]] = []
    blobs: dict[str, bytes] = {}
    for arch, files in layers.items():
        note = make_image(directory / arch, Made(arch=arch, layers=(SHARED, files), compression=Compression.GZIP))
        platform = {
            key: note.platform.fields[key] for key in ("architecture", "os", "variant") if key in note.platform.fields
        }
        entries.append({**note.manifest.fields, "platform": platform})
        found = (directory / arch / "blobs/sha256").iterdir()
        blobs |= {f"sha256:{blob.name}": blob.read_bytes() for blob in found}
    # As skopeo writes it, in this order: it copies nothing that it would write otherwise. Images with layers of zstd it marks.
    index = written({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    top = {"mediaType": INDEX, "digest": Digest.of_bytes(index), "size": len(index)}
    write_layout(
        directory / "layout",
        written({"schemaVersion": 2, "manifests": [top]}),
        {**blobs, Digest.of_bytes(index): index},
    )
    return f"oci:{directory}/layout"


def written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def all_archs(text: str) -> dict[Arch, dict[str, bytes]]:
    return {arch: {"etc/app": f"{text} for {arch}".encode()} for arch in Arch}


def test_images_of_an_index_are_locked_and_pulled_for_each_platform(
    registry: Registry, skopeo: Skopeo, home: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        skopeo.push(layout(tmp_path / name, all_archs(name)), registry, f"team/{name}:1")
    images = {name: f"{registry.host}/team/{name}:1" for name in ("a", "b")}
    (tmp_path / "shop").mkdir()
    shop = Shop(directory=tmp_path / "shop", home=home, images=images, archs=tuple(Arch))
    assert len(shop.lock()) == 7, "a line for each image and platform, and one for the lock"
    assert shop.lock() == []
    shop.make()
    for arch in Arch:
        bundle = tmp_path / f"shop/out/shop/{arch}/bundle/kedge-airgap-{arch}.tar"
        wanted = {reference: ["the test"] for reference in images.values()}
        assert verify_bundle(bundle, Expected(arch=arch, needed=wanted, exact=True), cores=2) == []
        items = {item.reference: item for item in list_bundle(bundle)}
        for name, reference in images.items():
            made = json.loads((tmp_path / name / arch / "image.json").read_bytes())
            assert (items[reference].digest, items[reference].origin) == (made["digest"], "registry")
            assert items[reference].unique_bytes < items[reference].size_bytes, "they share a layer"
    ended = [event.step for event in shop.events if isinstance(event, StepFinished) and "blob" in event.step]
    assert len(ended) == len(set(ended)) == 1 + 6 * 3, "the shared layer comes once"


def test_a_tag_that_moved_changes_nothing_until_the_lock_does(
    registry: Registry, skopeo: Skopeo, home: Path, tmp_path: Path
) -> None:
    skopeo.push(layout(tmp_path / "old", all_archs("old")), registry, "app:1")
    (tmp_path / "shop").mkdir()
    shop = Shop(directory=tmp_path / "shop", home=home, images={"app": f"{registry.host}/app:1"})
    shop.lock()
    skopeo.push(layout(tmp_path / "new", all_archs("new")), registry, "app:1")
    assert shop.lock() == []
    (item,) = list_bundle(shop.make())
    assert item.digest == json.loads((tmp_path / "old/armv7/image.json").read_bytes())["digest"]
    assert shop.lock(anew=True)[0].startswith(f"{registry.host}/app:1 (armv7): {item.digest} -> sha256:")
    (item,) = list_bundle(shop.make())
    assert item.digest == json.loads((tmp_path / "new/armv7/image.json").read_bytes())["digest"]


def lock_error(shop: Shop) -> RecipeError:
    before = shop.lock_file.read_bytes()
    with pytest.raises(RecipeError, match="not all images that the recipe pulls can be had") as caught:
        shop.lock()
    assert shop.lock_file.read_bytes() == before
    return caught.value


def test_what_cannot_be_locked_is_told_at_its_place(
    registry: Registry, skopeo: Skopeo, home: Path, tmp_path: Path
) -> None:
    skopeo.push(layout(tmp_path / "a", {Arch.AMD64: {}}), registry, "a:1")
    (tmp_path / "shop").mkdir()
    images = {"a": f"{registry.host}/a:1", "b": f"{registry.host}/a:2", "c": f"{registry.host}/c:1"}
    error = lock_error(Shop(directory=tmp_path / "shop", home=home, images=images))
    said = "\n".join(error.details)
    assert f"{registry.host}/a:1 has no image for linux/arm/v7" in said
    assert "it has linux/amd64" in said
    assert "/v2/a/manifests/2: the answer is 404 Not Found" in said
    assert "/v2/c/manifests/1: the answer is 404 Not Found" in said
    assert all("shop.yaml:1:" in line for line in error.details if not line.startswith(" "))
    assert "is the name right?" in error.hint


def test_a_login_that_is_refused(registry: Registry, skopeo: Skopeo, tmp_path: Path) -> None:
    skopeo.push(layout(tmp_path / "a", all_archs("a")), registry, "a:1")
    (tmp_path / "home").mkdir()
    (tmp_path / "shop").mkdir()
    home = registry.home(tmp_path / "home", password="wrong")  # noqa: S106 - that is the point
    error = lock_error(Shop(directory=tmp_path / "shop", home=home, images={"a": f"{registry.host}/a:1"}))
    assert "the answer is 401 Unauthorized" in "\n".join(error.details)
    assert f"docker login {registry.host}" in error.hint
    assert "wrong" not in str(error)


def test_a_server_that_nobody_vouches_for(registry: Registry, home: Path, tmp_path: Path) -> None:
    (home / f".docker/certs.d/{registry.host}/ca.crt").unlink()
    (tmp_path / "shop").mkdir()
    error = lock_error(Shop(directory=tmp_path / "shop", home=home, images={"a": f"{registry.host}/a:1"}))
    assert "CERTIFICATE_VERIFY_FAILED" in "\n".join(error.details)
    assert f"~/.docker/certs.d/{registry.host}/ca.crt" in error.hint


def test_a_credential_helper_is_asked(registry: Registry, skopeo: Skopeo, home: Path, tmp_path: Path) -> None:
    skopeo.push(layout(tmp_path / "a", all_archs("a")), registry, "a:1")
    programs = tmp_path / "bin"
    programs.mkdir()
    helper = programs / "docker-credential-test"
    answer = json.dumps({"ServerURL": registry.host, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\n[ \"$1 $(cat)\" = 'get {registry.host}' ] && echo '{answer}'\n")
    helper.chmod(0o755)
    (home / ".docker/config.json").write_text(json.dumps({"credHelpers": {registry.host: "test"}}))
    (tmp_path / "shop").mkdir()
    shop = Shop(
        directory=tmp_path / "shop",
        home=home,
        images={"a": f"{registry.host}/a:1"},
        variables={"PATH": f"{programs}:/usr/bin:/bin"},
    )
    assert len(shop.lock()) == 2
    logs = "".join(path.read_text() for path in (tmp_path / "shop/cache/logs").rglob("*") if path.is_file())
    assert PASSWORD not in logs
    helper.unlink()
    assert "there is no docker-credential-test" in "\n".join(lock_error_anew(shop).details)


def lock_error_anew(shop: Shop) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        shop.lock(anew=True)
    return caught.value


def test_a_blob_that_the_registry_lost(registry: Registry, skopeo: Skopeo, home: Path, tmp_path: Path) -> None:
    skopeo.push(layout(tmp_path / "a", all_archs("a")), registry, "a:1")
    (tmp_path / "shop").mkdir()
    shop = Shop(directory=tmp_path / "shop", home=home, images={"a": f"{registry.host}/a:1"})
    shop.lock()
    layer = json.loads(shop.lock_file.read_text())["images"][f"{registry.host}/a:1"]["armv7"]["layers"][1]["digest"]
    stored = next(
        path for path in registry.directory.glob("data/**/data") if path.parent.name == layer.removeprefix("sha256:")
    )
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + b"?")
    with pytest.raises(StepsFailedError) as caught:
        shop.make()
    failures = [str(failure.error) for failure in caught.value.result.failures]
    assert any("instead of" in failure for failure in failures), failures
    assert not shop.bundle.exists()
    stored.write_bytes(content)
    assert len(list_bundle(shop.make())) == 1
