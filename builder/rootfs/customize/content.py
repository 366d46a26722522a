"""Contents that lie in files of this machine."""

import os
from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import BuilderError


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The content of the file at `path`, which stays as it is until the tree is written."""

    path: Path
    size_bytes: int

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        """See `Content`."""
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(-1 if size_bytes is None else size_bytes)

    def copy_to(self, descriptor: int) -> None:
        """See `Content`."""
        with self.path.open("rb") as stream:
            left = self.size_bytes
            while left:
                done = os.sendfile(descriptor, stream.fileno(), None, left)
                if not done:
                    raise BuilderError(
                        f"{self.path} became shorter while it was read", hint="run the same command again"
                    )
                left -= done


def on_disk(path: Path) -> OnDisk:
    """The content of the file at `path`."""
    return OnDisk(path, path.stat().st_size)
