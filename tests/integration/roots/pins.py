"""Packages of Debian that tests make roots of, pinned in packages.json.

`python -m tests.integration.roots.pins` pins the newest of them anew, out of the signed archive.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from builder.core.arch import ARCH_FACTS, Arch
from builder.debian.connection import open_client
from builder.debian.download import Downloader
from builder.debian.mirrors import find_mirrors
from builder.debian.pins import PinnedFile
from builder.debian.repository import Library, Repository
from builder.debian.resolve import Wanted, resolve_pins
from builder.trust.debian_keys import debian_keyring

LOCK = Path(__file__).with_name("packages.json")
# The machine that the tests run on.
HOST = Arch.AMD64
_SUITE, _KEYS = "bookworm", "debian-12"
ATTEMPTS, STALL_S = 4, 30
# By the set's name. `debian` is what every Debian has (the essential packages, and mount, which is required) with the
# libraries that they load; without the maintainers' scripts and without Perl's modules.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "busybox": ("busybox-static",),
    "qemu": ("qemu-user-static",),
    "debian": (
        "base-files", "base-passwd", "bash", "bsdutils", "coreutils", "dash", "debianutils", "diffutils", "dpkg",
        "findutils", "grep", "gzip", "hostname", "init-system-helpers", "libc-bin", "login", "mount", "ncurses-base",
        "ncurses-bin", "perl-base", "sed", "sysvinit-utils", "tar", "util-linux",
        "libacl1", "libattr1", "libaudit1", "libblkid1", "libbz2-1.0", "libc6", "libcap-ng0", "libcap2", "libcrypt1",
        "libgcc-s1", "libgcrypt20", "libgmp10", "libgpg-error0", "liblz4-1", "liblzma5", "libmd0", "libmount1",
        "libpam0g", "libpcre2-8-0", "libselinux1", "libsmartcols1", "libsystemd0", "libtinfo6", "libudev1", "libuuid1",
        "libzstd1", "zlib1g",
    ),
}  # fmt: skip


def pinned(name: str, arch: Arch) -> tuple[PinnedFile, ...]:
    """The files of the set `name` for machines of `arch`."""
    return tuple(PinnedFile.model_validate(one) for one in json.loads(LOCK.read_text())[name][arch])


def _pin() -> None:
    repository = Repository(suite=_SUITE, keyring=debian_keyring(_KEYS))
    with TemporaryDirectory() as indexes, open_client(os.environ, stall_s=STALL_S) as client:
        library = Library(
            downloader=Downloader(client=client, attempts=ATTEMPTS, pause=time.sleep),
            mirrors=find_mirrors(os.environ, []),
            directory=Path(indexes),
            now=datetime.now(UTC),
        )
        sets = {
            name: {arch: _resolved(packages, arch, repository, library) for arch in _archs(name)}
            for name, packages in PACKAGES.items()
        }
    LOCK.write_text(json.dumps(sets, indent=2) + "\n")


def _archs(name: str) -> tuple[Arch, ...]:
    """Emulators run on the host; what they run is of every architecture."""
    return (HOST,) if name == "qemu" else tuple(Arch)


def _resolved(packages: Sequence[str], arch: Arch, repository: Repository, library: Library) -> list[dict[str, object]]:
    architecture = ARCH_FACTS[arch].debian
    wanted = [Wanted(name=one, architecture=architecture, repositories=(repository,)) for one in packages]
    return [pin.model_dump() for pin in resolve_pins(wanted, library)]


if __name__ == "__main__":
    _pin()
