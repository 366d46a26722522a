"""Executables that somebody else compiled: taken in by digest, refused with a reason."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.audit.rules import Check
from builder.core.arch import host_arch
from builder.core.errors import ExitCode
from tests.integration.app.checkout import Checkout
from tests.integration.app.driver import Builder
from tests.integration.app.servers import Registry, serving

RECIPE = """\
extends: toolchains.yaml
name: foreign
architectures: [{arch}]
cluster:
  name: foreign
  version: 1.0.0
  executables:
    {arch}:
      file: {file}
      sha256: "{sha256}"
  device:
    roles:
      worker: [worker, --quiet]
"""


@pytest.fixture
def own(builder: Builder, checkout: Checkout) -> Path:
    """An executable for amd64 that was built here, as if it came from elsewhere."""
    assert builder.run("make", "--arch", "amd64").code == ExitCode.OK
    return (checkout.out / "edge" / "amd64" / "tiny").rename(checkout.root / "downloaded")


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_recipe(checkout: Checkout, file: Path, *, arch: str = "amd64", digest: str = "") -> Path:
    recipe = checkout.root / "recipes" / "foreign.yaml"
    recipe.write_text(RECIPE.format(arch=arch, file=file, sha256=digest or sha256(file)))
    lock = json.loads(checkout.lock.read_text())
    del lock["modules"]
    recipe.with_suffix(".lock").write_text(json.dumps(lock))
    return recipe


def test_an_own_executable_is_taken_in_as_if_it_were_foreign(builder: Builder, checkout: Checkout, own: Path) -> None:
    recipe = write_recipe(checkout, own)
    result = builder.run("make", str(recipe))
    assert result.code == ExitCode.OK, result.err
    made = checkout.out / "foreign" / "amd64"
    assert (made / "foreign").read_bytes() == own.read_bytes()
    assert (made / "foreign").stat().st_mode & 0o777 == 0o755
    assert (made / "SHA256SUMS").read_text() == f"{sha256(own)}  foreign\n"
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["inputs"]["recipe"]["cluster"]["device"]["roles"] == {"worker": ["worker", "--quiet"]}
    assert manifest["inputs"]["modules"] == []
    own.unlink()
    assert builder.run("make", str(recipe)).code == ExitCode.OK, "what was taken in once is in the store"


def test_another_file_than_the_recipe_names(builder: Builder, checkout: Checkout, own: Path) -> None:
    recipe = write_recipe(checkout, own, digest="0" * 64)
    result = builder.run("make", str(recipe))
    assert result.code != ExitCode.OK
    assert f"{own} is not the file that the recipe names" in result.err
    assert f"sha256:{sha256(own)}" in result.err
    assert not (checkout.out / "foreign").exists()
    write_recipe(checkout, own)
    assert builder.run("make", str(recipe)).code == ExitCode.OK


def test_a_file_that_is_not_there(builder: Builder, checkout: Checkout, own: Path) -> None:
    recipe = write_recipe(checkout, own)
    own.rename(checkout.root / "elsewhere")
    result = builder.run("make", str(recipe))
    assert result.code != ExitCode.OK
    assert f"{own}: No such file or directory" in result.err


def test_a_second_build_of_what_is_not_built(builder: Builder, checkout: Checkout, own: Path) -> None:
    result = builder.run("make", str(write_recipe(checkout, own)), "--check-reproducible")
    assert result.code == ExitCode.USAGE
    assert "an imported executable cannot be built a second time" in result.err


def test_an_executable_of_another_architecture(builder: Builder, checkout: Checkout, own: Path) -> None:
    result = builder.run("make", str(write_recipe(checkout, own, arch="armv7")))
    assert result.code == ExitCode.VERIFICATION_FAILED
    assert f"{own}: architecture: made for amd64, not for armv7" in result.err
    assert not (checkout.out / "foreign").exists()


def test_a_script_in_place_of_an_executable(builder: Builder, checkout: Checkout) -> None:
    script = checkout.root / "downloaded"
    script.write_text("#!/bin/sh\nexit 0\n")
    result = builder.run("make", str(write_recipe(checkout, script)))
    assert result.code == ExitCode.VERIFICATION_FAILED
    assert f"{script}: format: a script" in result.err


def from_url(checkout: Checkout, url: str, digest: str) -> Path:
    recipe = write_recipe(checkout, Path("unused"), digest=digest)
    recipe.write_text(recipe.read_text().replace("file: unused", f"url: {url}"))
    return recipe


def test_an_executable_from_a_url(builder: Builder, checkout: Checkout, own: Path, tmp_path: Path) -> None:
    shutil.copy(own, tmp_path / "foreign")
    (tmp_path / "other").write_text("something else")
    digest = sha256(own)
    with serving(Registry(root=tmp_path)) as server:
        missing = builder.run("make", str(from_url(checkout, f"{server.url}/none", digest)))
        assert missing.code == ExitCode.BUILD_FAILED
        assert f"{server.url}/none: the answer is 404 Not Found" in missing.err
        assert "hint: cluster.executables of the recipe says where the file is" in missing.err
        other = builder.run("make", str(from_url(checkout, f"{server.url}/other", digest)))
        assert other.code == ExitCode.VERIFICATION_FAILED
        assert f"expected sha256:{digest}" in other.err
        assert not (checkout.out / "foreign").exists()
        result = builder.run("make", str(from_url(checkout, f"{server.url}/foreign", digest)))
        assert result.code == ExitCode.OK, result.err
        assert (checkout.out / "foreign" / "amd64" / "foreign").read_bytes() == own.read_bytes()
    recipe = checkout.root / "recipes" / "foreign.yaml"
    assert builder.run("make", str(recipe), "--offline").code == ExitCode.OK


def test_a_password_in_a_url_is_refused(builder: Builder, checkout: Checkout) -> None:
    recipe = from_url(checkout, "http://user:secret@127.0.0.1/kedge", "a" * 64)
    result = builder.run("make", str(recipe))
    assert result.code == ExitCode.USAGE
    assert "without user and password" in result.err


def test_kedge_itself_as_if_it_were_foreign(builder: Builder, checkout: Checkout, kedge: Path) -> None:
    arch = host_arch()
    result = builder.run("make", str(write_recipe(checkout, kedge, arch=arch)))
    assert result.code == ExitCode.OK, result.err
    made = checkout.out / "foreign" / arch
    assert sha256(made / "foreign") == sha256(kedge)
    (artifact,) = json.loads((made / "manifest.json").read_text())["artifacts"]
    # Paths of the building machine are looked for in what is built, when it is built.
    assert set(artifact["checked"]) == {check.value for check in Check if check is not Check.HOST_PATHS}
    version = subprocess.run([made / "foreign", "version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("kedge ")
