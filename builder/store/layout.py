"""Where things lie in a store."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.files import atomic_write

# Raised when an older builder must not work on the directory any more.
STORE_VERSION = 1
_ELSEWHERE = "make it writable, or choose another cache directory with BUILDER_CACHE"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The places below `root`.

    `format` holds the version; `entries/<2 digits>/<key>/{entry.json,output}` complete entries; `work` what is being
    made; `locks` one lock per key that is made; `store.lock` is held by every builder at work, `index.sqlite` derived.
    """

    root: Path

    @property
    def format(self) -> Path:
        """The file with the version of this layout."""
        return self.root / "format"

    @property
    def entries(self) -> Path:
        """Complete entries."""
        return self.root / "entries"

    @property
    def work(self) -> Path:
        """Entries that are being made, and those that are being removed."""
        return self.root / "work"

    @property
    def locks(self) -> Path:
        """One lock file per key."""
        return self.root / "locks"

    @property
    def index(self) -> Path:
        """The derived index."""
        return self.root / "index.sqlite"

    @property
    def lock(self) -> Path:
        """Held shared by builders at work, exclusively by garbage collection."""
        return self.root / "store.lock"

    def entry(self, key: Digest) -> Path:
        """The directory of a complete entry."""
        return self.entries / key.hex[:2] / key.hex

    def record(self, key: Digest) -> Path:
        """The record of a complete entry."""
        return self.entry(key) / "entry.json"

    def output(self, key: Digest) -> Path:
        """The files of a complete entry."""
        return self.entry(key) / "output"

    def key_lock(self, key: Digest) -> Path:
        """The lock of who makes `key`."""
        return self.locks / key.hex

    def keys_on_disk(self) -> Iterator[Digest]:
        """The keys of all entries on disk, damaged ones included; names that are no keys are passed over."""
        for shard in sorted(self.entries.iterdir()):
            for name in sorted(os.listdir(shard)) if shard.is_dir() else []:  # noqa: PTH208 - only names are needed
                if _KEY.fullmatch(name):
                    yield Digest.from_hex(name)

    def require_writable(self) -> None:
        """Raise where nothing can be added."""
        if not os.access(self.work, os.W_OK):
            raise BuilderError(f"the store {self.root} cannot be written", hint=_ELSEWHERE)

    def create(self) -> None:
        """Make the directories, and refuse those that a newer builder has made."""
        try:
            for place in (self.root, self.entries, self.work, self.locks):
                place.mkdir(parents=True, exist_ok=True)
            if not self.format.exists():
                atomic_write(self.format, f"{STORE_VERSION}\n".encode())
            version = self.format.read_text().strip()
        except OSError as error:
            raise BuilderError(
                f"the store {self.root} cannot be used: {error.strerror}: {error.filename}",
                hint=_ELSEWHERE,
            ) from error
        if version != str(STORE_VERSION):
            raise BuilderError(
                f"the store {self.root} is of version {version!r}, this builder knows version {STORE_VERSION}",
                hint="use the newer builder, or choose another cache directory with BUILDER_CACHE",
            )
