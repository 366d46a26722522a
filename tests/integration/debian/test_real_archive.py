"""Debian's own archive.

What is read comes from the mirror that BUILDER_DEBIAN_MIRROR names; without it, apt itself brings it from where this machine's
apt gets everything, with the proxies and logins that only apt knows.
"""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.debian.download import fetch_pinned
from builder.debian.mirrors import MIRROR_VARIABLE, Mirrors, find_mirrors
from builder.debian.repository import Library, Repository
from builder.debian.resolve import Wanted, resolve_pins
from builder.formats.deb import extract_all, extract_files
from builder.trust.debian_keys import debian_keyring
from tests.integration.debian.conftest import Connect, Serve
from tests.integration.debian.fetched import APT_HELPER, Fetched

pytestmark = pytest.mark.network


@pytest.fixture
def library(tmp_path: Path, connect: Connect, serve: Serve) -> Library:
    """What describes the archive; its mirror is complete, or grows by `bring`."""
    (tmp_path / "indexes").mkdir()
    if os.environ.get(MIRROR_VARIABLE):
        mirrors = find_mirrors(os.environ, [])
        return Library(
            downloader=connect(dict(os.environ)), mirrors=mirrors, directory=tmp_path / "indexes", now=datetime.now(UTC)
        )
    if not APT_HELPER.exists():
        pytest.skip(f"needs apt, or a mirror in {MIRROR_VARIABLE}")
    server = serve(tmp_path)
    mirrors = Mirrors(addresses=(f"{server.url}/debian",), origin="test")
    return Library(downloader=connect(), mirrors=mirrors, directory=tmp_path / "indexes", now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("suite", "keys", "architecture"),
    [("bookworm", "debian-12", "armhf"), ("trixie", "debian-13", "arm64"), ("trixie", "debian-13", "amd64")],
)
def test_packages_come_out_of_the_signed_archive(
    suite: str, keys: str, architecture: str, library: Library, tmp_path: Path
) -> None:
    repository = Repository(suite=suite, keyring=debian_keyring(keys))
    mirror = None if os.environ.get(MIRROR_VARIABLE) else Fetched(tmp_path / "debian")
    if mirror:
        mirror.bring(f"dists/{suite}/InRelease")
        mirror.bring(f"dists/{suite}/{library.release(repository).index_of('main', architecture).path}")
    names = ("nftables", "libnftables1", "busybox-static")
    pins = resolve_pins(
        [Wanted(name=one, architecture=architecture, repositories=(repository,)) for one in names], library
    )
    assert [(pin.name, pin.architecture) for pin in pins] == [(name, architecture) for name in names]
    for pin in pins:
        if mirror:
            mirror.bring(pin.path)
        assert library.mirrors
        bases = library.mirrors.of_archive("debian")
        package = fetch_pinned(pin, bases, tmp_path, library.downloader, partials=tmp_path / "partial")
        _compare_with_dpkg(package, tmp_path / pin.name)
    extract_files(tmp_path / pins[0].file_name, {"/usr/sbin/nft": tmp_path / "nft"})
    assert (tmp_path / "nft").read_bytes().startswith(b"\x7fELF")


def _compare_with_dpkg(package: Path, scratch: Path) -> None:
    dpkg_deb = shutil.which("dpkg-deb")
    if not dpkg_deb:
        return
    trees = [scratch / "ours", scratch / "theirs"]
    for tree in trees:
        tree.mkdir(parents=True)
    extract_all(package, trees[0])
    subprocess.run([dpkg_deb, "--extract", package, trees[1]], check=True)
    ours, theirs = (sorted(_facts(tree)) for tree in trees)
    assert ours == theirs


def _facts(tree: Path) -> list[tuple[str, int, bytes]]:
    return [
        (
            str(path.relative_to(tree)),
            path.lstat().st_mode,
            bytes(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b"",
        )
        for path in tree.rglob("*")
    ]
