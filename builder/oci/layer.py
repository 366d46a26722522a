"""Layers: archives of files, compressed so that the same files give the same bytes."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import zstandard

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.tar import (
    DIRECTORY,
    HARDLINK,
    TarMember,
    end_bytes,
    header_bytes,
    padding_bytes,
    read_members,
)
from builder.io.files import CHUNK_BYTES
from builder.io.mapped import MappedFiles
from builder.oci.documents import Blob, Compression, Layer, blob_path

_ZSTD_LEVEL, _GZIP_LEVEL = 15, 9
# Deflate in a gzip wrapper (zlib.h), whose header has no time and no name.
_GZIP_WINDOW = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFile:
    """One member: what is in its header, and its content as `data`, or in `source` from `offset` on."""

    member: TarMember
    data: bytes = b""
    source: Path | None = None
    offset: int = 0


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def compressor_name(compression: Compression) -> str:
    """Program, version and level: another one may write other bytes."""
    if compression is Compression.GZIP:
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION} -{_GZIP_LEVEL}"
    return f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))} -{_ZSTD_LEVEL}"


def write_layer(files: Iterable[LayerFile], directory: Path, compression: Compression, *, cores: int) -> Layer:
    """Write `files`, sorted and with their parent directories, as a blob below `directory`; two of a path are an error."""
    with _writing(directory, compression, cores) as writer:
        for file in _complete(files):
            writer.put(header_bytes(file.member))
            for chunk in _content(file):
                writer.put(chunk)
            writer.put(padding_bytes(file.member.size_bytes))
        writer.put(end_bytes(writer.size_bytes))
    return writer.finish()


def pack_layer(chunks: Iterable[bytes], directory: Path, compression: Compression, *, cores: int) -> Layer:
    """Write the archive that `chunks` are as a blob below `directory`."""
    with _writing(directory, compression, cores) as writer:
        for chunk in chunks:
            writer.put(chunk)
    return writer.finish()


def archive_files(path: Path) -> list[LayerFile]:
    """The members of the uncompressed archive at `path`, but for its root."""
    files = []
    for member in read_members(MappedFiles([path])):
        name, link = (text.removeprefix("./") for text in (member.name, member.link))
        if name:
            kept = replace(member, name=name, link=link if member.type == HARDLINK else member.link)
            files.append(LayerFile(member=kept, source=path, offset=member.offset))
    return files


def _complete(files: Iterable[LayerFile]) -> list[LayerFile]:
    """All of `files` by path, and the directories that they lie in."""
    found: dict[str, LayerFile] = {}
    for file in files:
        path = file.member.name.rstrip("/")
        if path in found:
            raise BuilderError(f"two files of the layer want to be /{path}")
        found[path] = file
    for path, file in list(found.items()):
        for parent in _parents(path):
            if parent not in found:
                member = TarMember(name=f"{parent}/", type=DIRECTORY, mode=0o755, mtime_s=file.member.mtime_s)
                found[parent] = LayerFile(member=member)
            elif found[parent].member.type != DIRECTORY:
                raise BuilderError(f"/{path} cannot be placed: /{parent} is no directory")
    return [found[path] for path in sorted(found)]


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    yield from ("/".join(parts[:count]) for count in range(1, len(parts)))


def _content(file: LayerFile) -> Iterator[bytes]:
    left = file.member.size_bytes
    if file.source is None:
        yield file.data
        return
    with file.source.open("rb") as stream:
        stream.seek(file.offset)
        while left:
            chunk = stream.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise BuilderError(f"{file.source} ends before it should")
            left -= len(chunk)
            yield chunk


class _Writer:
    """Compresses what it gets into a file, and knows the digests of both."""

    def __init__(self, directory: Path, compression: Compression, cores: int) -> None:
        self._directory = directory
        self._compression = compression
        self._compressor = _open_compressor(compression, cores)
        self._place = directory / blob_path("sha256:arriving")
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._place.open("xb")
        self._plain, self._packed = hashlib.sha256(), hashlib.sha256()
        self.size_bytes = 0

    def put(self, data: bytes) -> None:
        self._plain.update(data)
        self.size_bytes += len(data)
        self._keep(self._compressor.compress(data))

    def close(self) -> None:
        self._stream.close()

    def finish(self) -> Layer:
        size_bytes = self._place.stat().st_size
        blob = Blob(
            media_type=self._compression.media_type,
            digest=Digest.from_hex(self._packed.hexdigest()),
            size_bytes=size_bytes,
        )
        self._place.rename(self._directory / blob.path)
        return Layer(blob=blob, diff_id=Digest.from_hex(self._plain.hexdigest()))

    def flush(self) -> None:
        self._keep(self._compressor.flush())

    def _keep(self, data: bytes) -> None:
        self._packed.update(data)
        self._stream.write(data)


def _writing(directory: Path, compression: Compression, cores: int) -> AbstractContextManager[_Writer]:
    @contextmanager
    def opened() -> Iterator[_Writer]:
        writer = _Writer(directory, compression, cores)
        try:
            yield writer
            writer.flush()
        finally:
            writer.close()

    return opened()


def _open_compressor(compression: Compression, cores: int) -> _Compressor:
    if compression is Compression.GZIP:
        return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    # With threads the bytes are others than without, and the same for any number of them.
    parameters = zstandard.ZstdCompressionParameters.from_level(_ZSTD_LEVEL, threads=max(1, cores), write_checksum=True)
    return zstandard.ZstdCompressor(compression_params=parameters).compressobj()
