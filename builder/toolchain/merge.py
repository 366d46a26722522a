"""Packages of Debian unpacked into one directory, as dpkg would place their files; nothing of them runs.

What only people read is left out, and so are emulators of machines that nothing here is for: a build hashes all that it uses.
"""

import os
import posixpath
import re
import shutil
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO

from builder.core.errors import BuilderError
from builder.formats.deb import read_data
from builder.io.files import CHUNK_BYTES

# Debian's merged /usr (the package base-files has these links as well).
ALIASES = ("bin", "sbin", "lib", "lib64")
_LEFT_OUT = re.compile(
    r"usr/share/(?:doc|man|info|locale|lintian|bug|bash-completion|zsh|fish|perl5/debconf|polkit-1|gtk-doc)/"
    r"|usr/share/(?:AAVMF|OVMF)/.*(?:(?<!no-)secboot|snakeoil|\.ms\.)"
)
_EMULATORS = "qemu-user"
_EMULATED = re.compile(r"usr/bin/qemu-(?:arm|armhf|aarch64|arm64|x86_64|amd64)$")
# What Debian chooses among alternatives when a package is configured: scripts ask for the name on the left.
_ALTERNATIVES = {"usr/bin/awk": "mawk", "usr/bin/which": "which.debianutils", "usr/bin/pager": "less"}
# Places of the running system, where absolute links of a package really lead.
_OF_THE_SYSTEM = ("/dev/", "/proc/", "/run/", "/sys/")
_EXECUTABLE, _PLAIN = 0o755, 0o644


def merge_packages(debs: Sequence[Path], directory: Path, *, cores: int) -> None:
    """Unpack `debs` into the existing `directory`, several at once; `BuilderError` names all files that two of them bring.

    Absolute links become relative, so that none leads out of the directory. Owners and set-id bits are not kept.
    """
    merge = _Merge(directory=directory)
    for name in ALIASES:
        (directory / "usr" / name).mkdir(parents=True, exist_ok=True)
        (directory / name).symlink_to(f"usr/{name}")
    # The largest first: it takes as long as many others together.
    order = sorted(debs, key=lambda deb: (-deb.stat().st_size, deb.name))
    with ThreadPoolExecutor(max_workers=max(1, cores)) as threads:
        for done in [threads.submit(merge.add, deb) for deb in order]:
            done.result()
    merge.raise_conflicts()
    for path, target in _ALTERNATIVES.items():
        if (directory / path).with_name(target).exists() and not os.path.lexists(directory / path):
            (directory / path).symlink_to(target)


@dataclass(slots=True, kw_only=True)
class _Merge:
    """`claims` tells for every path what it is and which package said so first; threads take turns at it."""

    directory: Path
    claims: dict[str, tuple[str, str]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, deb: Path) -> None:
        """Unpack one package."""
        package = deb.name.partition("_")[0]
        for member, content in read_data(deb):
            path = _merged(member.name)
            if path in ALIASES or _is_left_out(package, path):
                continue
            if self._claim_parents(package, path) and self._claim(package, path, _kind(package, member)):
                self._place(path, member, content)

    def raise_conflicts(self) -> None:
        """Raise where packages were found that do not go together."""
        if self.conflicts:
            raise BuilderError(
                "packages of tools do not go together: two bring the same file",
                details=sorted(self.conflicts),
                hint="put them into different sets",
            )

    def _claim_parents(self, package: str, path: str) -> bool:
        parent = posixpath.dirname(path)
        if not parent or self.claims.get(parent, ("",))[0] == "directory":
            return True
        if not self._claim_parents(package, parent):
            return False
        self._claim(package, parent, "directory")
        return self.claims[parent][0] == "directory"

    def _claim(self, package: str, path: str, kind: str) -> bool:
        """Whether `package` is the first to bring `path`. Directories and equal links may come from many.

        A directory is there as soon as it is claimed: other threads put files into it without asking again.
        """
        with self.lock:
            known = self.claims.get(path)
            if known is None:
                if kind == "directory":
                    (self.directory / path).mkdir(exist_ok=True)
                self.claims[path] = known = (kind, package)
            if known == (kind, package):
                return True
            if known[0] != kind or kind in ("file", "hard link"):
                self.conflicts.append(f"{path}: {known[0]} of {known[1]}, {kind} of {package}")
            return False

    def _place(self, path: str, member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        target = self.directory / path
        if member.issym():
            target.symlink_to(_relative(path, member.linkname))
        elif member.islnk():
            target.hardlink_to(self.directory / _merged(member.linkname.removeprefix("./")))
        elif content is not None:
            with target.open("xb") as stream:
                shutil.copyfileobj(content, stream, CHUNK_BYTES)
            target.chmod(_EXECUTABLE if member.mode & 0o100 else _PLAIN)


def _kind(package: str, member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "directory"
    if member.issym():
        return f"link to {member.linkname}"
    if member.islnk():
        return "hard link"
    if member.isreg():
        return "file"
    raise BuilderError(f"{package}: {member.name} is neither a file, nor a directory, nor a link")


def _merged(path: str) -> str:
    first, _, rest = path.partition("/")
    return f"usr/{path}" if first in ALIASES and rest else path


def _is_left_out(package: str, path: str) -> bool:
    if package == _EMULATORS and path.startswith("usr/bin/qemu-"):
        return not _EMULATED.match(path)
    return _LEFT_OUT.match(path) is not None


def _relative(path: str, target: str) -> str:
    if not target.startswith("/") or target.startswith(_OF_THE_SYSTEM):
        return target
    return posixpath.relpath(_merged(target.lstrip("/")), posixpath.dirname(path))
