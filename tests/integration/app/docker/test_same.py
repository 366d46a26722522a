"""Builds in a container: the same bytes, files of the user's own, nothing left."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.app.docker.conftest import USER, DefaultImage
from tests.integration.app.docker.dockerd import Dockerd
from tests.integration.app.driver import Builder, tree
from tests.integration.app.releases.conftest import FIRST, Published

pytestmark = pytest.mark.slow


def test_a_release_is_the_same_from_both(
    published: Published, visitor: Builder, in_docker: tuple[str, ...], dockerd: Dockerd, user_place: Path
) -> None:
    """To the last byte, since the same key signs: it stays outside of the container."""
    key = user_place / "minisign.key"
    shutil.copyfile(published.keys.secret, key)
    os.chown(key, USER, USER)
    key.chmod(0o600)
    done = visitor.good("release", FIRST, "--events", "json", "--minisign-key", str(key), *in_docker)
    inside, outside = [event for event in done.events if event["event"] == "build-finished"][:2]
    assert inside["built"] > 0
    assert outside["built"] == 0
    assert tree(visitor.checkout.out / "edge/releases" / FIRST) == tree(published.releases / FIRST)
    places = [visitor.cache, visitor.checkout.out]
    strangers = [path for place in places for path in place.rglob("*") if path.lstat().st_uid != USER]
    assert strangers == []
    assert dockerd.containers() == []


def test_the_manifest_says_what_built(
    visitor: Builder, in_docker: tuple[str, ...], default_image: DefaultImage
) -> None:
    """And nothing else of it differs but times."""
    told = []
    for options in (in_docker, ()):
        visitor.good("make", "-q", "--arch", "armv7", *options)
        told.append(json.loads((visitor.checkout.out / "edge/armv7/manifest.json").read_text()))
    assert [one.pop("executor") for one in told] == [f"docker {default_image.id}", "local"]
    assert told[0] == told[1]


def test_a_failure_is_told_as_if_it_happened_here(visitor: Builder, in_docker: tuple[str, ...]) -> None:
    main = visitor.checkout.main
    before = main.read_text()
    main.write_text(before.replace("func main()", "func main("))
    try:
        results = [visitor.run("make", "--arch", "armv7", *options) for options in (in_docker, ())]
    finally:
        main.write_text(before)
    assert [one.code for one in results] == [1, 1]
    assert "syntax error" in results[0].err
    inside, outside = (
        [line.split("] ", 1)[-1] for line in one.err.splitlines() if "syntax error" in line] for one in results
    )
    assert inside == outside


def test_paths_outside_of_the_checkout_are_there(
    visitor: Builder, in_docker: tuple[str, ...], user_place: Path
) -> None:
    """A recipe, its lock and the output directory, in directories with strange names, by relative paths."""
    place = user_place / "Häuschen: am, See"
    place.mkdir()
    (place / "mine.yaml").write_text("extends: ../checkout/recipes/edge.yaml\nname: mine\n")
    lock = visitor.checkout.lock.read_text()
    (place / "mine.lock").write_text(lock.replace("../cluster/", "../checkout/cluster/"))
    subprocess.run(["/bin/chown", "--recursive", str(USER), str(place)], check=True)
    options = ("--lock", "mine.lock", "--out", "made here", "--arch", "amd64", "-q")
    done = visitor.run("make", "mine.yaml", *options, *in_docker, cwd=place)
    assert (done.code, done.err) == (0, "")
    assert (place / "made here/mine/amd64/tiny").exists()
