"""Files and directories as one digest: names, kinds, modes and contents, so that any difference shows.

Contents are read, not only looked at: a thousand files of a checkout take 25 ms.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from builder.core.digest import Digest
from builder.io.files import CHUNK_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What lay at some paths; `changed_ns` is when any of it last changed (ctime, nanoseconds since the epoch).

    A directory that has names which do not count is left out of that: they change it too.
    """

    digest: Digest
    changed_ns: int


def take_snapshot(paths: Iterable[Path], *, without: Collection[str] = ()) -> Snapshot:
    """All that lies at `paths`, directories with what is in them but for names `without`; `OSError` where it cannot be read.

    A path with nothing there counts too. Links are followed to files, and at the paths themselves to directories.
    """
    taking = _Taking(without)
    for path in sorted(set(paths)):
        taking.root(str(path))
    return Snapshot(digest=Digest.from_hex(taking.hash.hexdigest()), changed_ns=taking.changed_ns)


class _Taking:
    """One snapshot while it is taken."""

    def __init__(self, without: Collection[str]) -> None:
        self.hash = hashlib.sha256()
        self.changed_ns = 0
        self._without = without
        # One for all files: most are small, and a new one for each takes longer than hashing what is in it.
        self._buffer = bytearray(CHUNK_BYTES)

    def root(self, path: str) -> None:
        try:
            status = os.stat(path)  # noqa: PTH116 - a thousand files
        except (FileNotFoundError, NotADirectoryError):
            self._note("nothing", path, 0)
            return
        self._of(path, status)

    def _of(self, path: str, status: os.stat_result) -> None:
        if stat.S_ISDIR(status.st_mode):
            self._directory(path, status)
            return
        self.changed_ns = max(self.changed_ns, status.st_ctime_ns)
        if stat.S_ISREG(status.st_mode):
            self._note("file", path, status.st_mode)
            self.hash.update(self._content(path))
        elif stat.S_ISLNK(status.st_mode):
            self._note(f"link to {os.readlink(path)}", path, 0)  # noqa: PTH115
            self._behind(path)
        else:
            self._note("special", path, status.st_mode)

    def _directory(self, path: str, status: os.stat_result) -> None:
        self._note("directory", path, status.st_mode)
        with os.scandir(path) as found:
            entries = list(found)
        counted = sorted(entry.path for entry in entries if entry.name not in self._without)
        if len(counted) == len(entries):
            self.changed_ns = max(self.changed_ns, status.st_ctime_ns)
        for name in counted:
            self._of(name, os.lstat(name))

    def _behind(self, path: str) -> None:
        """The file that a link leads to; a directory would be read where it lies."""
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            return
        if stat.S_ISREG(status.st_mode):
            self._of(path, status)

    def _note(self, kind: str, path: str, mode: int) -> None:
        # No name holds a zero byte, so nothing can pass for something else.
        self.hash.update(f"{kind}\0{mode:o}\0".encode(errors="surrogateescape") + os.fsencode(path) + b"\0")

    def _content(self, path: str) -> bytes:
        """The digest of a file's content."""
        found = hashlib.sha256()
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with memoryview(self._buffer) as view:
                while count := os.readv(descriptor, [self._buffer]):
                    found.update(view[:count])
        finally:
            os.close(descriptor)
        return found.digest()
