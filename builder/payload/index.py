"""The format of a payload; `cluster/internal/payload` reads it.

    executable ‖ frames ‖ index ‖ footer

Each frame is one zstd frame (RFC 8878) that holds the content of a file; equal files share it. The index is canonical JSON
and says where each frame lies, counted from the start of the whole file. The footer is the last 64 bytes: offset and length
of the index (64 bits each, little-endian), its SHA-256, and 16 bytes that name the format.
"""

import json
import struct
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from builder.core.arch import Arch
from builder.core.digest import Digest

MAGIC = b"kedge-payload\0\0\1"
EXECUTABLE_MODE: Literal[0o755] = 0o755
DATA_MODE: Literal[0o644] = 0o644

_FOOTER = struct.Struct("<QQ32s16s")
_Path = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_@+~-][A-Za-z0-9._@+~-]*(/[A-Za-z0-9_@+~-][A-Za-z0-9._@+~-]*)*$")
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PackedFile(_Model):
    """A file: where its frame lies, in bytes, and what comes out of it."""

    path: _Path
    mode: Literal[0o755, 0o644]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    offset: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=1)]

    def moved(self, distance: int) -> "PackedFile":
        """The same file where its frame lies `distance` bytes further on."""
        return self.model_copy(update={"offset": self.offset + distance})


class PackedLink(_Model):
    """A symbolic link, relative to where it lies."""

    path: _Path
    link: str


class Index(_Model):
    """What a payload holds, sorted by path, and the versions of what it was made from."""

    format: Literal[1] = 1
    arch: Annotated[Arch, Field(strict=False)]
    files: tuple[PackedFile | PackedLink, ...]
    versions: dict[str, str]

    def to_bytes(self) -> bytes:
        """Canonical JSON: keys sorted, no spaces, UTF-8."""
        content = self.model_dump(mode="json")
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def moved(self, distance: int) -> "Index":
        """The same index where all frames lie `distance` bytes further on."""
        files = tuple(one.moved(distance) if isinstance(one, PackedFile) else one for one in self.files)
        return self.model_copy(update={"files": files})


def footer(index: bytes, *, offset: int) -> bytes:
    """The end of a file whose index is `index`, at byte `offset`."""
    return _FOOTER.pack(offset, len(index), bytes.fromhex(Digest.of_bytes(index).hex), MAGIC)
