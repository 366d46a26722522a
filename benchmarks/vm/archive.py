"""Debian's kernel and its static busybox for a device, out of the archive, verified by its signature."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.debian.connection import open_client
from builder.debian.download import Downloader, fetch_pinned
from builder.debian.index import find_packages
from builder.debian.mirrors import find_mirrors
from builder.debian.repository import Library, Release, Repository
from builder.debian.resolve import Wanted, resolve_pins
from builder.formats.deb import extract_all, extract_files
from builder.trust.debian_keys import debian_keyring

_ATTEMPTS = 3
_STALL_S = 60.0
_BUSYBOX, _BUSYBOX_PATH = "busybox-static", "/bin/busybox"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What a machine needs beside kedge: the unpacked kernel package, its release (`uname -r`), the busybox executable."""

    kernel: Path
    release: str
    busybox: Path

    @property
    def image(self) -> Path:
        """The compressed kernel."""
        return self.kernel / "boot" / f"vmlinuz-{self.release}"

    @property
    def config(self) -> Path:
        """What the kernel was built with."""
        return self.kernel / "boot" / f"config-{self.release}"

    @property
    def modules(self) -> Path:
        """The directory below which its modules lie."""
        return self.kernel / "lib" / "modules" / self.release


def fetch_system(kernel_package: str, architecture: str, cache: Path, place: Path, env: Mapping[str, str]) -> System:
    """The kernel that the package `kernel_package` of Debian 12 for `architecture` depends on, and busybox, unpacked in `place`.

    `cache` keeps what was fetched. `env` may name mirrors and proxies.
    """
    cache.mkdir(parents=True, exist_ok=True)
    repository = Repository(suite="bookworm", keyring=debian_keyring("debian-12") + debian_keyring("debian-13"))
    with open_client(env, stall_s=_STALL_S) as client:
        downloader = Downloader(client=client, attempts=_ATTEMPTS, pause=time.sleep)
        mirrors = find_mirrors(env, ())
        library = Library(downloader=downloader, mirrors=mirrors, directory=cache, now=datetime.now(UTC))
        image = _image_package(library, library.release(repository), kernel_package, architecture)
        wanted = [
            Wanted(name=name, architecture=architecture, repositories=(repository,)) for name in (image, _BUSYBOX)
        ]
        files = {}
        for pin in resolve_pins(wanted, library):
            held = cache / pin.file_name
            known = held.exists() and Digest.of_file(held) == Digest(pin.sha256)
            bases = repository.bases(mirrors)
            files[pin.name] = held if known else fetch_pinned(pin, bases, cache, downloader, partials=cache / "partial")
    kernel, busybox = place / "kernel", place / "busybox"
    kernel.mkdir()
    extract_all(files[image], kernel)
    extract_files(files[_BUSYBOX], {_BUSYBOX_PATH: busybox})
    return System(kernel=kernel, release=image.removeprefix("linux-image-"), busybox=busybox)


def _image_package(library: Library, release: Release, name: str, architecture: str) -> str:
    """The package with the kernel itself; `name` only depends on the newest."""
    for package in find_packages(library, release, architecture, {name}):
        for dependency in package.fields.get("depends", "").split(","):
            if (word := dependency.split()[0] if dependency.split() else "").startswith("linux-image-"):
                return word
    raise BuilderError(f"{release.repository} has no package {name} for {architecture} that names a kernel")
