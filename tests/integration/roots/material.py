"""Brings pinned packages into the user's cache, verified, and makes trees of them; skips the test where they cannot be had."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.app.project import find_project
from builder.core.arch import Arch, host_arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.debian.connection import open_client
from builder.debian.download import Downloader, fetch_pinned
from builder.debian.mirrors import find_mirrors
from builder.debian.pins import PinnedFile
from builder.formats.deb import extract_all
from tests.integration.roots.pins import ATTEMPTS, HOST, STALL_S, pinned

_APT_HELPER = Path("/usr/lib/apt/apt-helper")


def packages(name: str, arch: Arch) -> list[Path]:
    """The files of the set `name` for `arch`."""
    if host_arch() is not HOST:
        pytest.skip(f"packages are pinned for {HOST} alone")
    place = find_project(os.environ).cache / "test-material"
    place.mkdir(parents=True, exist_ok=True)
    try:
        return [bring(pin, place, os.environ) for pin in pinned(name, arch)]
    except BuilderError as error:
        pytest.skip(f"what {name} is made of cannot be had: {error.brief}; {'; '.join(map(str, error.details))}")


def tree(name: str, directory: Path, arch: Arch = HOST) -> Path:
    """The packages of the set `name` for `arch` unpacked into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for package in packages(name, arch):
        extract_all(package, directory)
    return directory


def bring(pin: PinnedFile, place: Path, environment: Mapping[str, str]) -> Path:
    """The file of `pin` in the directory `place`, fetched where it is not there yet; `BuilderError` where nobody has it."""
    target = place / pin.file_name
    if target.exists() and Digest.of_file(target) == pin.sha256:
        return target
    bases = find_mirrors(environment, []).of_archive(pin.archive)
    with open_client(environment, stall_s=STALL_S) as client:
        downloader = Downloader(client=client, attempts=ATTEMPTS, pause=time.sleep)
        try:
            return fetch_pinned(pin, bases, place, downloader, partials=place / "partial")
        except BuilderError as error:
            if not _bring_with_apt(pin, bases[0], target):
                raise
            if (found := Digest.of_file(target)) != pin.sha256:
                target.unlink()
                raise BuilderError(f"apt brings {found} instead of {pin.sha256}", details=[pin.path]) from error
    return target


def _bring_with_apt(pin: PinnedFile, base: str, target: Path) -> bool:
    """Whether apt, which may know proxies and logins that only it knows, has brought something."""
    if not _APT_HELPER.exists():
        return False
    argv = [str(_APT_HELPER), "download-file", f"{base}/{pin.path}", str(target)]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0 and target.exists()


def emulator(name: str, directory: Path) -> Path:
    """qemu-user's static executable `name`: this machine's, else the pinned package's, unpacked into `directory`."""
    found = shutil.which(name)
    return Path(found) if found else tree("qemu", directory) / "usr/bin" / name
