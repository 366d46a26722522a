"""Releases in registries: Debian's registry takes them, skopeo reads them back, and what goes wrong is told."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from builder.io.spawn import Runner
from tests.integration.airgap.conftest import Judges
from tests.integration.airgap.faulty import Answer, Behaviour, always, running_faulty
from tests.integration.airgap.registry import Registry, Skopeo
from tests.integration.app.driver import Builder, Result, tree
from tests.integration.app.releases.conftest import FIRST, SECOND, Published


@pytest.fixture
def skopeo(judges: Judges, runner: Runner, tmp_path: Path) -> Skopeo:
    (tmp_path / "skopeo").mkdir()
    return Skopeo(tree=judges("skopeo"), runner=runner, directory=tmp_path / "skopeo")


@pytest.fixture
def builder(published: Published, registry: Registry, tmp_path: Path) -> Builder:
    """Trusts the registry, and has a login for it."""
    (tmp_path / "home").mkdir()
    return at_home(published.builder, registry.home(tmp_path / "home"))


def at_home(builder: Builder, home: Path) -> Builder:
    """The builder of somebody whose home directory is `home`."""
    return replace(builder, extra={"HOME": str(home)})


def files(release: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(release).items() if not name.startswith("oci/")}


def test_what_is_pushed_comes_back(published: Published, builder: Builder, registry: Registry, tmp_path: Path) -> None:
    repository = f"{registry.host}/team/edge"
    done = builder.good("publish", str(published.releases / SECOND), repository)
    assert done.out.startswith(f"{repository}@sha256:")
    for reference in (f"{repository}:{SECOND}", done.out.strip()):
        place = tmp_path / f"fetched-{reference.rpartition(':')[2]}"
        builder.good("fetch", reference, str(place), "--minisign-public-key", str(published.keys.public))
        assert files(place) == files(published.releases / SECOND)
        assert (place / "tiny-armv7").stat().st_mode & 0o777 == 0o755
    again = builder.good("publish", str(published.releases / SECOND), f"{repository}:{SECOND}")
    assert again.out == done.out


def test_skopeo_reads_the_layout_and_the_registry(
    published: Published, builder: Builder, registry: Registry, skopeo: Skopeo, tmp_path: Path
) -> None:
    layout = f"oci:{published.releases / SECOND}/oci:{SECOND}"
    manifest = skopeo.run("inspect", "--raw", layout)
    skopeo.push(layout, registry, "team/by-skopeo:1")
    builder.good("publish", str(published.releases / SECOND), f"{registry.host}/team/edge")
    skopeo.pull(registry, f"team/edge:{SECOND}", f"dir:{tmp_path / 'copied'}")
    assert (tmp_path / "copied/manifest.json").read_text() == manifest
    told = json.loads(manifest)
    for layer in told["layers"]:
        copied = tmp_path / "copied" / layer["digest"].removeprefix("sha256:")
        name = layer["annotations"]["org.opencontainers.image.title"]
        assert copied.read_bytes() == (published.releases / SECOND / name).read_bytes()
    builder.good("fetch", f"{registry.host}/team/by-skopeo:1", str(tmp_path / "fetched"))
    assert files(tmp_path / "fetched") == files(published.releases / SECOND)


def test_a_damaged_release_is_not_pushed(published: Published, builder: Builder, tmp_path: Path) -> None:
    release = published.copied(SECOND, tmp_path)
    (release / "tiny-amd64").write_bytes(b"another")
    done = builder.run("publish", str(release), "localhost:9/team/edge")
    assert (done.code, "tiny-amd64: it was changed" in done.err) == (4, True)


def test_a_release_of_others_is_not_kept(
    published: Published, builder: Builder, registry: Registry, tmp_path: Path
) -> None:
    release = published.copied(FIRST, tmp_path)
    shutil.copy(published.releases / SECOND / "SHA256SUMS.minisig", release)
    shutil.rmtree(release / "oci")
    builder.good("publish", str(release), f"{registry.host}/team/edge:mixed")
    key = ("--minisign-public-key", str(published.keys.public))
    done = builder.run("fetch", f"{registry.host}/team/edge:mixed", str(tmp_path / "fetched"), *key)
    assert (done.code, "SHA256SUMS is not what was signed" in done.err) == (4, True)
    assert [path.name for path in tmp_path.iterdir() if "fetched" in path.name] == []
    (tmp_path / "there").mkdir()
    done = builder.run("fetch", f"{registry.host}/team/edge:mixed", str(tmp_path / "there"))
    assert (done.code, "is there already" in done.err) == (2, True)


def test_a_login_that_the_registry_does_not_take_is_told(
    published: Published, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    home = registry.home(tmp_path / "stranger", password="wrong")  # noqa: S106 - it opens nothing
    stranger = at_home(published.builder, home)
    done = stranger.run("publish", str(published.releases / SECOND), f"{registry.host}/team/edge")
    assert done.code == 1
    assert "the answer is 401" in done.err
    assert f"log in: docker login {registry.host}" in done.err
    assert "wrong" not in done.err


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (403, "does not let you write there"),
        (404, "Some registries want a repository made"),
        (413, "takes no file of this size"),
        (429, "the registry limits how often it is asked"),
        (500, "the next run sends only what is missing"),
        (507, "the registry is full"),
    ],
)
def test_what_a_registry_answers_is_told(published: Published, tmp_path: Path, status: int, hint: str) -> None:
    done = push_to_faulty(published, tmp_path, always("/blobs/uploads/", Answer(status=status, content=b"no more")))
    assert done.code == 1
    assert f"the answer is {status}" in done.err
    assert ": no more" in done.err
    assert hint in done.err


def test_a_registry_that_sends_uploads_elsewhere_gets_none(published: Published, tmp_path: Path) -> None:
    elsewhere = Answer(status=202, headers={"Location": "https://example.org/upload"})
    done = push_to_faulty(published, tmp_path, always("/blobs/uploads/", elsewhere))
    assert (done.code, "nothing was sent there" in done.err) == (1, True)


def test_a_registry_that_is_away_is_told(published: Published) -> None:
    done = published.builder.run("publish", str(published.releases / SECOND), "127.0.0.1:9/team/edge")
    assert done.code == 1
    assert "127.0.0.1:9/team/edge:" in done.err
    assert "refused" in done.err


def push_to_faulty(published: Published, tmp_path: Path, *behaviours: Behaviour) -> Result:
    with running_faulty(tmp_path / "faulty") as faulty:
        faulty.behaviours += behaviours
        home = faulty.home(tmp_path / "visitor")
        visitor = replace(published.builder, extra={"HOME": str(home)})
        return visitor.run("publish", str(published.releases / SECOND), f"{faulty.host}/team/edge")
