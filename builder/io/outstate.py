"""What is known of the files in an output directory; kept with the caches, where nobody else writes."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from builder.core.digest import Digest
from builder.io.files import atomic_write

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """What a file's stat was when its content was known; every later write changes one of these."""

    digest: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, digest: Digest, status: os.stat_result) -> Self:
        """A file with the content `digest` and this stat."""
        return cls(
            digest=digest,
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            inode=status.st_ino,
        )


class OutputState:
    """Known files by their path in the output directory. A file at `path` that cannot be read knows nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: Mapping[str, KnownFile] = _read(path)
        self._known = dict(self._saved)

    def is_same(self, path: PurePosixPath, digest: Digest, status: os.stat_result) -> bool:
        """Whether the file with this stat is known to have the content `digest`."""
        return self._known.get(str(path)) == KnownFile.of(digest, status)

    def note(self, path: PurePosixPath, digest: Digest, status: os.stat_result) -> None:
        """From now on the file with this stat is known to have the content `digest`."""
        self._known[str(path)] = KnownFile.of(digest, status)

    def save(self) -> None:
        """Keep this for the next build; nothing is written when nothing is new."""
        if self._known == self._saved:
            return
        body = {"version": _VERSION, "files": {path: asdict(known) for path, known in sorted(self._known.items())}}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(self._path, json.dumps(body, ensure_ascii=True).encode())
        self._saved = dict(self._known)


def state_file(root: Path, directory: Path) -> Path:
    """Where in `directory` the state of the output directory at `root` is kept."""
    return directory / f"{Digest.of_bytes(os.fsencode(root.resolve())).hex}.json"


def _read(path: Path) -> dict[str, KnownFile]:
    try:
        body = json.loads(path.read_bytes())
        if body["version"] != _VERSION:
            return {}
        return {name: KnownFile(**known) for name, known in body["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Only time is lost: the files are read again.
        return {}
