"""How far a device was written, so that a flasher that was ended can go on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.core.digest import Digest
from builder.flash.pieces import Chunk
from builder.io.files import atomic_write

_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A file that names what is durable on one device, and of which `content`; whatever else is written there replaces it."""

    path: Path
    content: Digest

    @classmethod
    def of(cls, directory: Path, *, content: Digest, device: str) -> "Journal":
        """The journal in `directory` of the `device` that is called so, for what has the identity `content`."""
        return cls(path=directory / f"{Digest.of_json(device).hex}.json", content=content)

    def read(self) -> Sequence[Chunk]:
        """What is said to be durable; nothing where there is no journal, it is not whole, or it is of another content."""
        try:
            file = json.loads(self.path.read_bytes())
            if (file["journal"], file["content"]) != (_FORMAT, self.content):
                return ()
            return [
                Chunk(offset=int(at), length=int(length), sha256=bytes.fromhex(text))
                for at, length, text in file["chunks"]
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Note that `chunks` are durable."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        entries = [(one.offset, one.length, one.sha256.hex()) for one in chunks]
        file = {"journal": _FORMAT, "content": self.content, "chunks": entries}
        atomic_write(self.path, json.dumps(file, separators=(",", ":")).encode())

    def remove(self) -> None:
        """Forget everything."""
        self.path.unlink(missing_ok=True)
