"""A registry's bad days: each is told, nothing is half-written, and what passes is waited for."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.core.digest import Digest, Json, canonical_json
from builder.core.errors import RecipeError
from builder.exec.result import StepsFailedError
from builder.oci.documents import CONFIG, MANIFEST, blob_path
from builder.oci.inventory import list_bundle
from tests.integration.airgap.faulty import Answer, Faulty, Request, always, once, running_faulty
from tests.integration.airgap.shop import Shop
from tests.unit.oci.made import Made, make_image

# Nothing that a layer could be compressed to a few bytes of.
CONTENT = {"usr/bin/app": random.Random(1).randbytes(100_000)}  # noqa: S311 - no secret
TOKEN = "the token"  # noqa: S105 - of this test alone


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Faulty]:
    with running_faulty(tmp_path / "server") as faulty:
        yield faulty


@pytest.fixture
def manifest(faulty: Faulty, tmp_path: Path) -> dict[str, Any]:
    """The manifest of the image that the server has as team/app:1."""
    note = make_image(tmp_path / "image", Made(layers=(CONTENT,)))
    for blob in (tmp_path / "image/blobs/sha256").iterdir():
        faulty.files[f"/v2/team/app/blobs/sha256:{blob.name}"] = blob.read_bytes()
    data = (tmp_path / "image" / blob_path(note.manifest.digest)).read_bytes()
    serve(faulty, data)
    value: dict[str, Any] = json.loads(data)
    return value


def serve(faulty: Faulty, manifest: bytes) -> None:
    for name in ("1", Digest.of_bytes(manifest)):
        faulty.files[f"/v2/team/app/manifests/{name}"] = manifest


def blob(faulty: Faulty, data: bytes) -> dict[str, object]:
    digest = Digest.of_bytes(data)
    faulty.files[f"/v2/team/app/blobs/{digest}"] = data
    return {"digest": digest, "size": len(data)}


@pytest.fixture
def shop(faulty: Faulty, manifest: dict[str, Any], tmp_path: Path) -> Shop:
    assert manifest
    for name in ("home", "shop"):
        (tmp_path / name).mkdir()
    home = faulty.home(tmp_path / "home")
    return Shop(directory=tmp_path / "shop", home=home, images={"app": f"{faulty.host}/team/app:1"}, stall_s=1)


def refused(shop: Shop) -> str:
    with pytest.raises(RecipeError) as caught:
        shop.lock()
    return f"{caught.value}"


def failed(shop: Shop) -> str:
    with pytest.raises(StepsFailedError) as caught:
        shop.make()
    assert not shop.bundle.exists()
    return "\n".join(str(failure.error) for failure in caught.value.result.failures)


def layer_of(manifest: dict[str, Any]) -> str:
    digest: str = manifest["layers"][0]["digest"]
    return digest


def test_tokens_are_fetched_and_kept(faulty: Faulty, shop: Shop) -> None:
    realm = f'Bearer realm="https://{faulty.host}/token",service="test",scope="repository:team/app:pull"'

    def guarded(request: Request) -> Answer | None:
        if request.path.startswith("/token"):
            return Answer(content=json.dumps({"token": TOKEN}).encode())
        wanted = Answer(status=401, headers={"WWW-Authenticate": realm})
        return None if request.authorization == f"Bearer {TOKEN}" else wanted

    faulty.behaviours.append(guarded)
    shop.lock()
    asked = [one.path for one in faulty.requests if one.path.startswith("/token")]
    assert asked == ["/token?service=test&scope=repository%3Ateam%2Fapp%3Apull"]
    assert len(list_bundle(shop.make())) == 1


def test_a_login_is_sent_nowhere_without_tls(faulty: Faulty, shop: Shop) -> None:
    realm = 'Bearer realm="http://elsewhere.invalid/token",service="test"'
    faulty.behaviours.append(always("", Answer(status=401, headers={"WWW-Authenticate": realm})))
    assert "sends those who log in to http://elsewhere.invalid/token; nothing was sent there" in refused(shop)


def test_a_refusal(faulty: Faulty, shop: Shop) -> None:
    faulty.behaviours.append(always("/manifests/", Answer(status=403)))
    said = refused(shop)
    assert "the answer is 403 Forbidden" in said
    assert "the registry knows you, and refuses this" in said
    assert len(faulty.requests) == 1, "what is refused is not asked for again"


def test_a_limit_is_waited_for_as_the_registry_says(
    faulty: Faulty, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.behaviours.append(once("/manifests/", Answer(status=429, headers={"Retry-After": "37"})))
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    shop.lock()
    assert [pause for pause in pauses if pause >= 1] == [37]
    assert [one.path for one in faulty.requests[:2]] == ["/v2/team/app/manifests/1"] * 2


def test_a_limit_of_hours_is_told(faulty: Faulty, shop: Shop) -> None:
    faulty.behaviours.append(always("/manifests/", Answer(status=429, headers={"Retry-After": "21600"})))
    said = refused(shop)
    assert "the answer is 429 Too Many Requests, and it wants to be asked again in 21600 s" in said
    assert "log in, or try later" in said


def test_a_blob_that_ends_in_the_middle_goes_on(faulty: Faulty, shop: Shop, manifest: dict[str, Any]) -> None:
    shop.lock()
    path = f"/v2/team/app/blobs/{layer_of(manifest)}"
    content = faulty.files[path]
    faulty.behaviours += [
        once(path, Answer(content=content, cut_after=len(content) // 2)),
        once(path, Answer(status=500)),
    ]
    faulty.requests.clear()
    assert len(list_bundle(shop.make())) == 1
    ranges = [one.range for one in faulty.requests if one.path == path]
    assert ranges == ["", f"bytes={len(content) // 2}-", f"bytes={len(content) // 2}-"]


def test_the_next_run_goes_on_where_one_gave_up(faulty: Faulty, shop: Shop, manifest: dict[str, Any]) -> None:
    shop.lock()
    path = f"/v2/team/app/blobs/{layer_of(manifest)}"
    content = faulty.files[path]
    bad_day = [once(path, Answer(content=content, cut_after=1000)), always(path, Answer(status=500))]
    faulty.behaviours += bad_day
    assert "the answer is 500 Internal Server Error (4 attempts)" in failed(shop)
    faulty.behaviours.clear()
    faulty.requests.clear()
    assert len(list_bundle(shop.make())) == 1
    assert [one.range for one in faulty.requests] == ["bytes=1000-"], "all else is in the store"


def test_a_hanging_registry_is_left(faulty: Faulty, shop: Shop, manifest: dict[str, Any]) -> None:
    shop.lock()
    path = f"/v2/team/app/blobs/{layer_of(manifest)}"
    faulty.behaviours.append(always(path, Answer(content=faulty.files[path], cut_after=10, hangs=True)))
    assert "no byte arrived for 1 s (4 attempts)" in failed(shop)


def test_another_content_is_refused(faulty: Faulty, shop: Shop, manifest: dict[str, Any]) -> None:
    shop.lock()
    path = f"/v2/team/app/blobs/{layer_of(manifest)}"
    faulty.files[path] = bytes(len(faulty.files[path]))
    assert f"instead of {layer_of(manifest)}" in failed(shop)


def test_what_the_registry_dropped_is_told(faulty: Faulty, shop: Shop) -> None:
    shop.lock()
    faulty.files.clear()
    said = failed(shop)
    assert "the answer is 404 Not Found" in said
    assert "builder lock --update --only images" in said


def test_what_was_vendored_needs_no_registry(faulty: Faulty, shop: Shop, tmp_path: Path) -> None:
    shop.lock()
    assert shop.vendor(tmp_path / "kept") == 3, "manifest, config and layer"
    faulty.behaviours.append(always("", Answer(status=500)))
    assert len(list_bundle(shop.make_from(tmp_path / "kept"))) == 1


def bad_manifests(faulty: Faulty, manifest: dict[str, Any]) -> dict[str, tuple[dict[str, Any] | bytes, str]]:
    """Manifests that are of no use, and what is said of them."""
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    amd64: Json = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    return {
        "schema 1": (
            {"schemaVersion": 1, "name": "app", "fsLayers": []},
            "is of schema 1, which nobody reads any more",
        ),
        "foreign layers": (
            {**manifest, "layers": [{**manifest["layers"][0], "mediaType": foreign}]},
            f"has a layer that its registry does not hand out: {foreign}",
        ),
        "a chart": (
            {**manifest, "config": {**manifest["config"], "mediaType": "application/vnd.cncf.helm.config.v1+json"}},
            "is no container image: application/vnd.cncf.helm.config.v1+json",
        ),
        "no JSON": (b"<html>", "is no JSON"),
        "no size": ({**manifest, "layers": [{"digest": layer_of(manifest)}]}, "does not say how large its parts are"),
        "no layers": ({**manifest, "layers": None}, "has no list of its parts"),
        "another platform": (
            {**manifest, "config": {"mediaType": CONFIG, **blob(faulty, canonical_json(amd64))}},
            "is for linux/amd64, not for linux/arm/v7",
        ),
        "a config that is none": (
            {**manifest, "config": {"mediaType": CONFIG, **blob(faulty, b"[]")}},
            "is no JSON object",
        ),
        "an unknown kind of list": (
            {"schemaVersion": 2, "mediaType": "application/x", "manifests": []},
            "is no container image: application/x",
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        "schema 1",
        "foreign layers",
        "a chart",
        "no JSON",
        "no size",
        "no layers",
        "another platform",
        "a config that is none",
        "an unknown kind of list",
    ],
)
def test_manifests_that_are_of_no_use_are_told(faulty: Faulty, shop: Shop, manifest: dict[str, Any], name: str) -> None:
    bad, words = bad_manifests(faulty, manifest)[name]
    serve(faulty, bad if isinstance(bad, bytes) else json.dumps({"mediaType": MANIFEST, **bad}).encode())
    assert words in refused(shop)
