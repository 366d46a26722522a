"""How far a device was written, so that a flasher that was ended can go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builder.core.digest import Digest
from builder.flash.pieces import Chunk
from builder.io.files import atomic_write

_Entry = tuple[
    Annotated[int, Field(ge=0)], Annotated[int, Field(gt=0)], Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    journal: Literal[1] = 1
    chunks: tuple[_Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A file that names what is durable on one device of one image."""

    path: Path

    @classmethod
    def of(cls, directory: Path, *, image: Digest, device: str) -> "Journal":
        """The journal in `directory` for the `image` of that identity on the `device` that is called so."""
        return cls(path=directory / f"{Digest.of_json([image, device]).hex}.json")

    def read(self) -> Sequence[Chunk]:
        """What is said to be durable; nothing where there is no journal or it is not whole."""
        try:
            file = _File.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError):
            return ()
        return [Chunk(offset=at, length=length, sha256=bytes.fromhex(text)) for at, length, text in file.chunks]

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Note that `chunks` are durable."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = _File(chunks=tuple((one.offset, one.length, one.sha256.hex()) for one in chunks))
        atomic_write(self.path, file.model_dump_json().encode())

    def remove(self) -> None:
        """Forget everything."""
        self.path.unlink(missing_ok=True)
