"""A bundle of images behind the payload: one file instead of two.

    executable ‖ frames ‖ index ‖ footer ‖ bundle ‖ footer

The bundle lies there as it is, so that devices read it in place. The last footer has the form of the first: offset and length
of the bundle (64 bits each, little-endian), its SHA-256, and 16 bytes that name the format.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from builder.core.errors import BuilderError
from builder.io.files import copy_file
from builder.io.mapped import MappedFiles
from builder.payload.index import DamagedPayloadError, UnknownFormatError

FORMAT = 1
_MAGIC_STEM = b"kedge-bundle\0\0\0"
_FOOTER = struct.Struct("<QQ32s16s")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedBundle:
    """Where the bundle is in the file, and its SHA-256."""

    offset: int
    length: int
    sha256: bytes

    def verify(self, stream: BinaryIO) -> None:
        """Raise `DamagedPayloadError` unless the file `stream` holds what the footer says."""
        stream.seek(self.offset)
        if hashlib.sha256(stream.read(self.length)).digest() != self.sha256:
            raise DamagedPayloadError("the bundle of images has another SHA-256")


def find_bundle(stream: BinaryIO, end: int, size_bytes: int) -> EmbeddedBundle | None:
    """The bundle at the end of the file `stream` of `size_bytes`, whose ELF part ends at `end`; None where there is none.

    Raises:
        DamagedPayloadError: the footer contradicts the file.
        UnknownFormatError: it is of another format.
    """
    if size_bytes - end < _FOOTER.size:
        return None
    stream.seek(size_bytes - _FOOTER.size)
    offset, length, sha256, magic = _FOOTER.unpack(stream.read(_FOOTER.size))
    if not magic.startswith(_MAGIC_STEM):
        return None
    if magic[-1] != FORMAT:
        raise UnknownFormatError(f"the bundle of images has format {magic[-1]}; this builder knows {FORMAT}")
    if offset < end or offset + length != size_bytes - _FOOTER.size:
        raise DamagedPayloadError("the bundle of images that the last footer names does not end at that footer")
    return EmbeddedBundle(offset=offset, length=length, sha256=sha256) if length else None


def embed_bundle(executable: Path, bundle: Sequence[Path], target: Path) -> None:
    """Write `executable` and the bundle that the files `bundle` make up to `target`.

    Raises:
        BuilderError: the executable carries a bundle already.
    """
    data, hashed = MappedFiles(bundle), hashlib.sha256()
    copy_file(executable, target, mode=0o755)
    with target.open("r+b") as stream:
        offset = stream.seek(0, 2)
        if find_bundle(stream, 0, offset):
            raise BuilderError(f"{executable} carries a bundle of images already", hint="build it again")
        stream.seek(offset)
        for piece in data.chunks(0, len(data)):
            hashed.update(piece)
            stream.write(piece)
        stream.write(_FOOTER.pack(offset, len(data), hashed.digest(), _MAGIC_STEM + bytes([FORMAT])))
