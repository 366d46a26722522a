"""Reads and verifies the payload of an executable, for audits and for showing it; no byte of it is run."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard
from pydantic import ValidationError

from builder.formats.elf import ElfError, open_elf
from builder.payload.bundle import EmbeddedBundle, find_bundle
from builder.payload.index import (
    FOOTER_BYTES,
    FORMAT,
    FRAME_MAGIC,
    WINDOW_LOG,
    DamagedPayloadError,
    Index,
    PackedFile,
    UnknownFormatError,
    canonical,
    unpack_footer,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The payload of the executable at `path`; `digest` is the SHA-256 of its index in hex.

    `bundle` is the bundle of images behind it, None where there is none.
    """

    path: Path
    index: Index
    digest: str
    bundle: EmbeddedBundle | None = None

    def contents(self) -> Iterator[tuple[PackedFile, bytes]]:
        """Every distinct content with a file that has it, verified.

        Raises:
            DamagedPayloadError: a frame is not what the index says.
        """
        with self.path.open("rb") as stream:
            for file in self.index.contents:
                stream.seek(file.offset)
                yield file, _decompress(file, stream.read(file.length))

    def verify(self) -> None:
        """Raise `DamagedPayloadError` unless every content is what the index says, and the bundle what its footer says."""
        for _ in self.contents():
            pass
        if self.bundle:
            with self.path.open("rb") as stream:
                self.bundle.verify(stream)

    def extract(self, directory: Path) -> None:
        """Unpack into `directory`, which must not exist; what a device does, without its care for power cuts."""
        directory.mkdir()
        contents = {file.sha256: content for file, content in self.contents()}
        for file in self.index.files:
            target = directory / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file, PackedFile):
                target.write_bytes(contents[file.sha256])
                target.chmod(file.mode)
            else:
                target.symlink_to(file.link)


def read_payload(path: Path) -> Payload | None:
    """The payload of the executable at `path`, by its footer and index; None where it has none.

    Raises:
        DamagedPayloadError: it was truncated or altered, or `path` is no executable.
        UnknownFormatError: it is of another format.
    """
    try:
        with open_elf(path) as elf:
            damage, end, size_bytes = elf.damage, elf.end, elf.size_bytes
    except ElfError as error:
        raise DamagedPayloadError(f"{path} is no executable: {error}") from error
    if damage:
        raise DamagedPayloadError(f"{path} is damaged", details=damage)
    with path.open("rb") as stream:
        try:
            return _read(stream, path, end, size_bytes)
        except DamagedPayloadError as error:
            raise DamagedPayloadError(f"the payload of {path} is damaged", details=str(error).splitlines()) from error


def _read(stream: BinaryIO, path: Path, end: int, size_bytes: int) -> Payload | None:
    bundle = find_bundle(stream, end, size_bytes)
    if bundle:
        size_bytes = bundle.offset  # where all else ends
    if size_bytes - end >= FOOTER_BYTES:
        stream.seek(size_bytes - FOOTER_BYTES)
        footer = unpack_footer(stream.read(FOOTER_BYTES), size_bytes)
        if footer is not None:
            if footer.offset < end:
                raise DamagedPayloadError("the footer places the index inside the executable")
            stream.seek(footer.offset)
            text = stream.read(footer.length)
            if hashlib.sha256(text).digest() != footer.sha256:
                raise DamagedPayloadError("the index does not have the SHA-256 that the footer names")
            index = _parse(text)
            _require_side_by_side(index, end, footer.offset)
            return Payload(path=path, index=index, digest=footer.sha256.hex(), bundle=bundle)
    stream.seek(end)
    # Frames begin where the executable ends: such a file lost its end.
    begin = stream.read(len(FRAME_MAGIC))
    if begin and FRAME_MAGIC.startswith(begin):
        raise DamagedPayloadError(f"the file has {size_bytes - end} bytes of a payload, but not its end")
    return None


def _parse(text: bytes) -> Index:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DamagedPayloadError(f"the index is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DamagedPayloadError("the index is not a JSON object")
    if value.get("format") != FORMAT:
        raise UnknownFormatError(f"the payload has format {value.get('format')}; this builder knows {FORMAT}")
    # Repeated keys and other spellings of the same are found so; the text's digest names the payload.
    if canonical(value) != text:
        raise DamagedPayloadError("the index is not canonical JSON")
    try:
        return Index.model_validate(value)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
        ]
        raise DamagedPayloadError("the index is not as it should be", details=problems) from error


def _require_side_by_side(index: Index, start: int, end: int) -> None:
    """Frames fill everything between the executable and the index; equal contents share one."""
    frames = {file.sha256: _frame(file) for file in index.contents}
    for file in index.files:
        if isinstance(file, PackedFile) and frames[file.sha256] != _frame(file):
            raise DamagedPayloadError(f"{file.path} shares its SHA-256 with a file of another content")
    for file in index.contents:
        if file.offset != start:
            raise DamagedPayloadError(f"the frame of {file.path} is at {file.offset}, not at {start}")
        start += file.length
    if index.contents and start != end:
        raise DamagedPayloadError(f"the frames end at {start}, the index begins at {end}")


def _frame(file: PackedFile) -> tuple[int, int, str, int]:
    return file.offset, file.length, file.frame_sha256, file.size


def _decompress(file: PackedFile, frame: bytes) -> bytes:
    if hashlib.sha256(frame).hexdigest() != file.frame_sha256:
        raise DamagedPayloadError(f"{file.path}: the frame has another SHA-256")
    try:
        parameters = zstandard.get_frame_parameters(frame)
        if parameters.content_size != file.size or not parameters.has_checksum or parameters.dict_id:
            raise DamagedPayloadError(f"{file.path}: the frame lacks size or checksum, or they are not the index's")
        if parameters.window_size > 1 << WINDOW_LOG:
            raise DamagedPayloadError(f"{file.path}: the frame asks for a window above 8 MiB")
        decompressor = zstandard.ZstdDecompressor(max_window_size=1 << WINDOW_LOG).decompressobj()
        content = decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise DamagedPayloadError(f"{file.path}: {error}") from error
    if not decompressor.eof or decompressor.unused_data or len(content) != file.size:
        raise DamagedPayloadError(f"{file.path}: the frame is not the whole content, or has more behind it")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DamagedPayloadError(f"{file.path}: the content has another SHA-256")
    return content
