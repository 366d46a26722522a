"""Images to be written: what they are, and their content from beginning to end."""

import lzma
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import zstandard

from builder.core.digest import Digest
from builder.core.errors import BuilderError, RecipeError
from builder.formats.blockmap import BlockMap, BlockMapError
from builder.formats.diskimage import ImageFormat, identify_image
from builder.formats.zst import ZstError, outline
from builder.io.cancel import CancelToken

_SCRATCH_BYTES = 1 << 20
_READ_BYTES = 256 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Bytes of an image that have to be written; `sha256` as its block map tells it, empty where there is no map."""

    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image; `identity` changes with its content. `extents` are in their order, without the ranges that are not mapped."""

    path: Path
    form: ImageFormat
    size_bytes: int
    extents: Sequence[Extent]
    identity: Digest
    block_map: Path | None

    @property
    def mapped_bytes(self) -> int:
        """How much of it has to be written."""
        return sum(extent.length for extent in self.extents)


def open_image(path: Path, block_map: Path | None, cancel: CancelToken) -> Image:
    """What is at `path`, looked through as far as nothing has to be unpacked for it; `RecipeError` where it is no image.

    Without a `block_map` all of it has to be written, and a compressed one that does not tell its size is unpacked once.
    """
    form = _flashable(path)
    told = _told_size(path, form)
    if block_map is None:
        status = path.stat()
        size = _unpacked_size(path, form, cancel) if told is None else told
        identity = Digest.of_json([str(path.absolute()), status.st_size, status.st_mtime_ns])
        extents: Sequence[Extent] = (Extent(offset=0, length=size, sha256=""),)
        return Image(path=path, form=form, size_bytes=size, extents=extents, identity=identity, block_map=None)
    data = _read_map(block_map)
    try:
        parsed = BlockMap.parse(data)
    except BlockMapError as error:
        raise RecipeError(f"{block_map} cannot be used: {error.brief}", hint=_without_map()) from error
    if told not in (None, parsed.image_bytes):
        raise RecipeError(
            f"{block_map} does not fit {path}",
            details=[f"map: {parsed.image_bytes} bytes", f"image: {told} bytes"],
            hint=_without_map(),
        )
    return Image(
        path=path,
        form=form,
        size_bytes=parsed.image_bytes,
        extents=_extents(parsed),
        identity=Digest.of_bytes(data),
        block_map=block_map,
    )


def find_map(path: Path) -> Path | None:
    """The block map beside the image `path`: its name without the compression, and `.bmap`."""
    stem = path.with_suffix("") if path.suffix in (".zst", ".xz") else path
    for name in (f"{stem.name}.bmap", f"{stem.stem}.bmap", f"{path.name}.bmap"):
        if (found := path.with_name(name)).is_file():
            return found
    return None


class Content(Protocol):
    """An image's bytes, one after the other."""

    def fill(self, buffer: memoryview) -> None:
        """Fill `buffer` with the next bytes; `BuilderError` where the image ends before."""

    def skip(self, length: int) -> None:
        """Leave out the next bytes."""

    def at_end(self) -> bool:
        """Whether nothing follows."""


@contextmanager
def open_content(image: Image) -> Iterator[Content]:
    """The content of `image` from its beginning; damage raises `BuilderError`, wherever it is met inside the block."""
    try:
        with image.path.open("rb", buffering=0) as stream:
            yield _Stream(image.path, _reader(stream, image.form), seekable=image.form is ImageFormat.RAW)
    except (zstandard.ZstdError, lzma.LZMAError, EOFError) as error:
        raise damaged(image.path, str(error)) from error


def damaged(path: Path, why: str) -> BuilderError:
    """The error that says that the image at `path` is not as it was made."""
    return BuilderError(f"{path} is damaged: {why}", hint="make or fetch it again, and compare it with its SHA256SUMS")


class _Stream:
    def __init__(self, path: Path, stream: IO[bytes], *, seekable: bool) -> None:
        self._path = path
        self._stream = stream
        self._seekable = seekable
        self._scratch = memoryview(bytearray(0 if seekable else _SCRATCH_BYTES))

    def fill(self, buffer: memoryview) -> None:
        while buffer:
            count = self._stream.readinto(buffer)  # type: ignore[attr-defined]  # all three kinds of streams have it
            if not count:
                raise damaged(self._path, "it ends too early")
            buffer = buffer[count:]

    def skip(self, length: int) -> None:
        if self._seekable:
            self._stream.seek(length, os.SEEK_CUR)
            return
        while length:
            part = self._scratch[: min(length, len(self._scratch))]
            self.fill(part)
            length -= len(part)

    def at_end(self) -> bool:
        return not self._stream.read(1)


def _reader(stream: IO[bytes], form: ImageFormat) -> IO[bytes]:
    if form is ImageFormat.ZST:
        return zstandard.ZstdDecompressor().stream_reader(stream, read_size=_READ_BYTES, read_across_frames=True)
    return lzma.LZMAFile(stream) if form is ImageFormat.XZ else stream


def _flashable(path: Path) -> ImageFormat:
    form = identify_image(path)
    if form is ImageFormat.QCOW2:
        raise RecipeError(
            f"{path} is qcow2, which is for emulated machines", hint="take the .img.zst, or: qemu-img convert -O raw"
        )
    return form


def _told_size(path: Path, form: ImageFormat) -> int | None:
    """The image's size where the file tells it; a file that was cut off is found out here as far as its form shows it."""
    if form is ImageFormat.RAW:
        return path.stat().st_size
    if form is ImageFormat.XZ:
        return None
    with path.open("rb") as stream:
        try:
            return outline(stream.fileno()).content_bytes
        except ZstError as error:
            raise damaged(path, str(error)) from error


def _unpacked_size(path: Path, form: ImageFormat, cancel: CancelToken) -> int:
    scratch = memoryview(bytearray(_SCRATCH_BYTES))
    size = 0
    try:
        with path.open("rb", buffering=0) as stream:
            content = _reader(stream, form)
            while count := content.readinto(scratch):  # type: ignore[attr-defined]  # as above
                cancel.check()
                size += count
    except (zstandard.ZstdError, lzma.LZMAError, EOFError) as error:
        raise damaged(path, str(error)) from error
    return size


def _read_map(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error


def _extents(parsed: BlockMap) -> Sequence[Extent]:
    made = []
    for one in parsed.ranges:
        offset = one.first * parsed.block_bytes
        end = min((one.last + 1) * parsed.block_bytes, parsed.image_bytes)
        made.append(Extent(offset=offset, length=end - offset, sha256=one.sha256))
    return made


def _without_map() -> str:
    return "take the map that was made with the image, or write all of it with --no-block-map"
