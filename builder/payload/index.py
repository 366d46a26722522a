"""The format of a payload; `cluster/internal/payload` reads it on devices.

    executable ‖ frames ‖ index ‖ footer

Each frame is one zstd frame (RFC 8878) that holds the content of a file; equal files share it. The index is canonical JSON
and says where each frame lies, counted from the start of the whole file, with the SHA-256 of the frame, which is what devices
compare while they unpack, and of the content, for files that are unpacked. The footer is the last 64 bytes: offset and length
of the index (64 bits each, little-endian), its SHA-256, and 16 bytes that name the format.
"""

import hashlib
import json
import posixpath
import struct
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from builder.core.arch import Arch
from builder.core.errors import VerificationError

FORMAT = 1
# The format's number is the last byte, so that a reader recognizes the payloads that it is too old for.
MAGIC_STEM = b"kedge-payload\0\0"
MAGIC = MAGIC_STEM + bytes([FORMAT])
FRAME_MAGIC = b"\x28\xb5\x2f\xfd"  # of zstd (RFC 8878, 3.1.1)
# 8 MiB, what every decoder has to support (RFC 8878, 3.1.1.1.2); devices spend it while they unpack.
WINDOW_LOG = 23
EXECUTABLE_MODE: Literal[0o755] = 0o755
DATA_MODE: Literal[0o644] = 0o644
MOST_INDEX_BYTES = 1 << 20
MOST_FILE_BYTES = 1 << 30
# Offset and length of the index, its SHA-256, the magic.
_FOOTER = struct.Struct("<QQ32s16s")
FOOTER_BYTES = _FOOTER.size


def _inside(path: str) -> str:
    if posixpath.normpath(path) != path or path == "." or path.split("/", maxsplit=1)[0] == "..":
        raise ValueError(f"{path} does not stay inside the payload")
    return path


Place = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+~-]+(/[A-Za-z0-9._+~-]+)*$"), AfterValidator(_inside)]
Text = Annotated[str, StringConstraints(pattern=r"^[ -~]+$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class DamagedPayloadError(VerificationError):
    """A payload that was truncated or altered."""


class UnknownFormatError(VerificationError):
    """A payload of another format than this builder knows."""


class PackedFile(BaseModel):
    """A file: its content is the zstd frame of `length` bytes at `offset`, counted from the start of the executable.

    `size` and `sha256` (hex) are those of the content, `frame_sha256` is that of the frame: a third of the bytes to hash.
    """

    model_config = _STRICT

    path: Place
    mode: Literal[0o755, 0o644]
    size: int = Field(ge=0, le=MOST_FILE_BYTES)
    sha256: Sha256
    frame_sha256: Sha256
    offset: int = Field(ge=0)
    length: int = Field(ge=1)

    def moved(self, distance: int) -> "PackedFile":
        """The same file where its frame lies `distance` bytes further on."""
        return self.model_copy(update={"offset": self.offset + distance})


class PackedLink(BaseModel):
    """A symbolic link to a file of the same payload; `link` is relative to the link's directory."""

    model_config = _STRICT

    path: Place
    link: str = Field(min_length=1)


class Index(BaseModel):
    """What a payload holds: `files` sorted by path, `versions` of what was built by its name."""

    model_config = _STRICT

    arch: Arch = Field(strict=False)
    files: tuple[PackedFile | PackedLink, ...] = Field(min_length=1, strict=False)
    format: Literal[1] = 1
    versions: dict[Text, Text]

    @model_validator(mode="after")
    def _consistent(self) -> "Index":
        paths = [file.path for file in self.files]
        if paths != sorted(set(paths)):
            raise ValueError("the files are not sorted by path, or one is listed twice")
        known = set(paths)
        for path in paths:
            parents = {path[:position] for position, letter in enumerate(path) if letter == "/"}
            if parents & known:
                raise ValueError(f"{path} lies below a file")
        self._check_links()
        return self

    def _check_links(self) -> None:
        regular = {file.path for file in self.files if isinstance(file, PackedFile)}
        for file in self.files:
            if isinstance(file, PackedLink):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), file.link))
                if target not in regular or posixpath.normpath(file.link) != file.link:
                    raise ValueError(f"the link {file.path} does not name a file of the payload")

    @property
    def contents(self) -> tuple[PackedFile, ...]:
        """One file per distinct content, in the order of their frames."""
        distinct = {file.sha256: file for file in self.files if isinstance(file, PackedFile)}
        return tuple(sorted(distinct.values(), key=lambda file: file.offset))

    def to_bytes(self) -> bytes:
        """The one way to write this index."""
        return canonical(self.model_dump())

    def moved(self, distance: int) -> "Index":
        """The same index where all frames lie `distance` bytes further on."""
        files = tuple(one.moved(distance) if isinstance(one, PackedFile) else one for one in self.files)
        return self.model_copy(update={"files": files})


def canonical(value: object) -> bytes:
    """Canonical JSON: keys sorted, no spaces; all texts are ASCII, which every writer of JSON escapes alike."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """The end of the file: where the index is, and its SHA-256."""

    offset: int
    length: int
    sha256: bytes


def footer(index: bytes, *, offset: int) -> bytes:
    """The end of a file whose index is `index`, at byte `offset`."""
    return _FOOTER.pack(offset, len(index), hashlib.sha256(index).digest(), MAGIC)


def unpack_footer(data: bytes, size_bytes: int) -> Footer | None:
    """The footer in the last 64 bytes `data` of a file of `size_bytes`, None where there is none.

    Raises:
        DamagedPayloadError: it contradicts the file.
        UnknownFormatError: it is of another format.
    """
    offset, length, sha256, magic = _FOOTER.unpack(data)
    if not magic.startswith(MAGIC_STEM):
        return None
    if magic != MAGIC:
        raise UnknownFormatError(f"the payload has format {magic[-1]}; this builder knows {FORMAT}")
    if length > MOST_INDEX_BYTES:
        raise DamagedPayloadError(f"the footer names an index of {length} bytes; {MOST_INDEX_BYTES} are the most")
    if offset + length != size_bytes - FOOTER_BYTES:
        raise DamagedPayloadError("the index that the footer names does not end at the footer")
    return Footer(offset=offset, length=length, sha256=sha256)
