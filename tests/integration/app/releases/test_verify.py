"""`builder verify`: what is wrong with a release is told, all at once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.integration.app.driver import Result
from tests.integration.app.releases.conftest import FIRST, SECOND, Published

Damage: TypeAlias = Callable[[Path, Path], object]


def verify(published: Published, release: Path, *options: str) -> Result:
    return published.builder.run("verify", str(release), *options)


def signed(published: Published) -> tuple[str, str]:
    return "--minisign-public-key", str(published.keys.public)


def test_a_good_release_is_good(published: Published, tmp_path: Path) -> None:
    release = published.copied(SECOND, tmp_path)
    done = verify(published, release, *signed(published), "--version", SECOND)
    assert done.out == (
        f"{release} is edge {SECOND}: 12 files, all as they were released\n"
        f"signed by the key that was named, as edge {SECOND}\n"
    )
    assert (done.code, done.err) == (0, "")
    unsigned = verify(published, release)
    assert unsigned.code == 0
    assert "who released it was not checked" in unsigned.err


def append(name: str) -> Damage:
    return lambda release, _: (release / name).write_bytes((release / name).read_bytes() + b"\n")


def take(*names: str) -> Damage:
    def damage(release: Path, older: Path) -> None:
        for name in names:
            (release / name).unlink()
            shutil.copy(older / name, release / name, follow_symlinks=False)

    return damage


def link(release: Path, _: Path) -> None:
    (release / "CHANGES.md").unlink()
    (release / "CHANGES.md").symlink_to("/etc/passwd")


def pipe(release: Path, _: Path) -> None:
    (release / "sbom.cdx.json").unlink()
    os.mkfifo(release / "sbom.cdx.json")


DAMAGES: dict[str, tuple[Damage, list[str]]] = {
    "changed": (append("tiny-amd64"), ["tiny-amd64: it was changed, or is of another release: it is sha256:"]),
    "added": (lambda release, _: (release / "more").write_text(""), ["more: it was added"]),
    "hidden": (lambda release, _: (release / ".more").write_text("x"), [".more: it was added"]),
    "removed": (lambda release, _: (release / "index.html").unlink(), ["index.html: it is missing"]),
    "directory": (lambda release, _: (release / "more").mkdir(), ["more: it is no file"]),
    "link": (link, ["CHANGES.md: it is no file", "CHANGES.md: it is missing"]),
    "pipe": (pipe, ["sbom.cdx.json: it is no file"]),
    "older file": (take("tiny-armv7"), ["tiny-armv7: it was changed, or is of another release"]),
    "older table": (take("release.json"), ["release.json: it was changed", f"this is edge {FIRST}"]),
    "older sums": (
        take("SHA256SUMS"),
        ["SHA256SUMS is not what was signed", "release.json: it was changed", "tiny-amd64: it was changed"],
    ),
    "older sums and signature": (
        take("SHA256SUMS", "SHA256SUMS.minisig"),
        ["tiny-amd64: it was changed", f"it is the signature of 'edge {FIRST}', and this is edge {SECOND}"],
    ),
    "older provenance": (take("provenance.intoto.json"), ["it is about another tiny-amd64 than the one that is here"]),
    "unsigned": (lambda release, _: (release / "SHA256SUMS.minisig").unlink(), ["the release is not signed"]),
    "no signature": (append("SHA256SUMS"), ["SHA256SUMS is not what was signed", "SHA256SUMS:13: '' is no checksum"]),
    "layout changed": (append("oci/index.json"), ["oci/index.json: it was changed"]),
    "layout added": (lambda release, _: (release / "oci/more").write_text(""), ["oci/more: it was added"]),
    "layout removed": (lambda release, _: (release / "oci/oci-layout").unlink(), ["oci/oci-layout: it is missing"]),
    "several": (
        lambda release, older: [
            damage(release, older) for damage in (append("tiny-amd64"), append("CHANGES.md"), take("tiny-armv7"))
        ],
        ["tiny-amd64: it was changed", "CHANGES.md: it was changed", "tiny-armv7: it was changed"],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_everything_that_is_wrong_is_told(published: Published, tmp_path: Path, name: str) -> None:
    damage, expected = DAMAGES[name]
    release = published.copied(SECOND, tmp_path)
    damage(release, published.releases / FIRST)
    done = verify(published, release, *signed(published))
    assert done.code == 4, done
    assert done.out == ""
    for line in expected:
        assert line in done.err, done.err


def test_an_older_release_is_not_the_one_that_is_wanted(published: Published, tmp_path: Path) -> None:
    release = published.copied(FIRST, tmp_path)
    assert verify(published, release, *signed(published)).code == 0
    done = verify(published, release, *signed(published), "--version", SECOND)
    assert done.code == 4
    assert f"this is edge {FIRST}, not {SECOND}" in done.err


def test_a_release_without_its_layout_is_whole(published: Published, tmp_path: Path) -> None:
    release = published.copied(SECOND, tmp_path)
    shutil.rmtree(release / "oci")
    assert verify(published, release, *signed(published)).code == 0


def test_what_is_no_release_is_told(published: Published, tmp_path: Path) -> None:
    done = verify(published, tmp_path)
    assert done.code == 4
    assert "is no release: it has no SHA256SUMS" in done.err
    assert "No such file" in verify(published, tmp_path / "nowhere").err


def test_keys_of_the_wrong_kind_are_told(published: Published, tmp_path: Path) -> None:
    release = published.copied(SECOND, tmp_path)
    done = verify(published, release, "--minisign-public-key", str(published.keys.secret))
    assert (done.code, "holds a secret key, and verifying takes the public one" in done.err) == (2, True)
    done = published.builder.run(
        "release", "2.0.0", "--minisign-key", str(_mode(published.keys.public, 0o600, tmp_path))
    )
    assert (done.code, "holds a public key, and signing takes the secret one" in done.err) == (2, True)
    other = tmp_path / "other.pub"
    other.write_text("untrusted comment: x\nRWQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
    done = verify(published, release, "--minisign-public-key", str(other))
    assert (done.code, "is signed with the key" in done.err) == (4, True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_key_that_others_may_touch_is_refused(published: Published, tmp_path: Path, mode: int) -> None:
    done = published.builder.run(
        "release", "2.0.0", "--minisign-key", str(_mode(published.keys.secret, mode, tmp_path))
    )
    assert done.code == 2
    assert f"others than its owner may read or change the secret key (mode {mode:04o})" in done.err
    assert not (published.releases / "2.0.0").exists()


def _mode(key: Path, mode: int, place: Path) -> Path:
    copied = Path(shutil.copy(key, place / "key"))
    copied.chmod(mode)
    return copied
