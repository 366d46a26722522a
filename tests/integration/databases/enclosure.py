"""A directory that Debian's servers take for the whole system: they start programs of their own, by path."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.components.process import clean_environment

# PostgreSQL and MariaDB run as no root; outside, the user is whoever runs the tests.
_UID = 1000
_NAMESPACES = ("unshare", "--user", f"--map-user={_UID}", f"--map-group={_UID}", "--keep-caps", "--mount")
_ENTER = 'mount --rbind "$1" "$2/usr" && mount --rbind /dev "$2/dev" && root=$2 && shift 2 && exec chroot "$root" "$@"'
_LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """The packages of `tree` as a system whose other directories are below `root`."""

    tree: Path
    root: Path

    def argv(self, *command: str) -> list[str]:
        """What runs `command` inside, as an ordinary user."""
        return [*_NAMESPACES, "sh", "-c", _ENTER, "sh", str(self.tree / "usr"), str(self.root), *command]

    def run(self, *command: str, stdin: str = "") -> None:
        """Run `command` to its end; it must succeed."""
        environment = clean_environment({"TZ": "UTC"})  # else initdb looks through all zones
        done = subprocess.run(
            self.argv(*command), input=stdin, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr


def enclose(tree: Path, root: Path) -> Enclosure:
    """Make the directories; skips where an ordinary user has no namespaces."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    tried = subprocess.run([*_NAMESPACES, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"namespaces are not to be had here: {tried.stderr.decode()}")
    for directory in ("dev", "etc", "tmp", "usr", "data"):
        (root / directory).mkdir(parents=True)
    for link, target in _LINKS.items():
        (root / link).symlink_to(target)
    (root / "etc/passwd").write_text(f"kedge:x:{_UID}:{_UID}::/data:/bin/sh\n")
    return Enclosure(tree=tree, root=root)
