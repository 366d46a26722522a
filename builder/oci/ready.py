"""Ready-made images out of files: OCI image layouts, as directories or tar files, and archives of `docker save`."""

import json
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.formats.tar import DIRECTORY, HARDLINK, REGULAR, SYMLINK, read_members
from builder.io.mapped import MappedFiles
from builder.oci.documents import (
    CONFIG,
    INDEX_FILE,
    MANIFEST,
    REFERENCE_NAME,
    Blob,
    Compression,
    Layer,
    Origin,
    blob_path,
    manifest_bytes,
)
from builder.oci.image import ImageNote, write_blob, write_note
from builder.oci.layer import pack_layer
from builder.oci.platform import Platform
from builder.oci.pulled import choose_manifest, is_index, read_manifest, read_object, require_platform
from builder.oci.reference import Reference
from builder.oci.stream import Span, decompressed

_DOCKER_FILE = "manifest.json"
_HINT = "archive takes an OCI image layout (a directory or an uncompressed tar file), or what 'docker save' writes"
_MOST_LINKS = 8
# How media types of layers end that nobody compressed.
_PLAIN = ".tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyImage:
    """The image that is taken from a file, under the name `reference`, for devices of `arch`."""

    reference: str
    arch: Arch
    compression: Compression = Compression.ZSTD
    origin: Origin = Origin.ARCHIVE

    def take(self, source: Path, directory: Path, *, cores: int) -> None:
        """Write its blobs, verified, and its note into `directory`; `BuilderError` where `source` has no such image."""
        with _opened(source) as files:
            if INDEX_FILE in files:
                self._from_layout(files, directory, cores)
            elif _DOCKER_FILE in files:
                self._from_docker(files, directory, cores)
            else:
                raise BuilderError(
                    f"{source.name} has neither {INDEX_FILE} nor {_DOCKER_FILE}: it is no archive of images", hint=_HINT
                )

    def config_digest(self, source: Path) -> Digest:
        """The digest of the image's config in an archive of `docker save`: it stays the same however layers are compressed."""
        with _opened(source) as files:
            _, config = self._docker_config(files)
        return Digest.of_bytes(config)

    def _from_layout(self, files: Mapping[str, Span], directory: Path, cores: int) -> None:
        entries = read_object(files[INDEX_FILE].read(), INDEX_FILE).get("manifests")
        chosen = self._chosen(entries if isinstance(entries, list) else [], _names_of_entry)
        data = _blob(files, str(chosen.get("digest")))
        if is_index(read_object(data, self.reference)):
            wanted = choose_manifest(read_object(data, self.reference), self.arch, self.reference)
            data = _blob(files, wanted.digest)
        manifest = read_manifest(data, self.reference)
        if _DOCKER_FILE in files and any(layer.media_type.endswith(_PLAIN) for layer in manifest.layers):
            self._from_docker(files, directory, cores)  # which compresses
            return
        require_platform(_blob(files, manifest.config.digest), self.arch, self.reference)
        for blob in (manifest.config, *manifest.layers):
            write_blob(directory, _blob(files, blob.digest))
        self._note(directory, data, manifest.media_type)

    def _from_docker(self, files: Mapping[str, Span], directory: Path, cores: int) -> None:
        chosen, config = self._docker_config(files)
        diff_ids = read_object(config, "the config").get("rootfs", {}).get("diff_ids")
        names = chosen.get("Layers")
        if not isinstance(names, list) or not isinstance(diff_ids, list) or len(names) != len(diff_ids):
            raise BuilderError(f"the config of {self.reference} does not name each of its layers", hint=_HINT)
        layers = [self._layer(_file(files, str(name)), directory, cores) for name in names]
        for layer, diff_id in zip(layers, diff_ids, strict=True):
            if layer.diff_id != diff_id:
                raise VerificationError(f"a layer of {self.reference} is {layer.diff_id} instead of {diff_id}")
        write_blob(directory, config)
        self._note(directory, manifest_bytes(Blob.of(CONFIG, config), [layer.blob for layer in layers]), MANIFEST)

    def _docker_config(self, files: Mapping[str, Span]) -> tuple[Mapping[str, Any], bytes]:
        """What `docker save` says of the image, and its config."""
        try:
            entries = json.loads(_file(files, _DOCKER_FILE).read())
        except ValueError:
            raise BuilderError(f"{_DOCKER_FILE} is no JSON", hint=_HINT) from None
        chosen = self._chosen(entries if isinstance(entries, list) else [], _names_of_docker)
        config = _file(files, str(chosen.get("Config"))).read()
        require_platform(config, self.arch, self.reference)
        return chosen, config

    def _layer(self, span: Span, directory: Path, cores: int) -> Layer:
        return pack_layer(decompressed(span), directory, self.compression, cores=cores)

    def _note(self, directory: Path, manifest: bytes, media_type: str) -> None:
        write_blob(directory, manifest)
        note = ImageNote(
            reference=self.reference,
            manifest=Blob.of(media_type, manifest),
            platform=Platform.of(self.arch),
            origin=self.origin,
        )
        write_note(directory, note)

    def _chosen(self, entries: Sequence[Any], names: Callable[[Mapping[str, Any]], list[str]]) -> Mapping[str, Any]:
        """The entry that has the image's name; the only one, whatever it is called."""
        good = [entry for entry in entries if isinstance(entry, dict)]
        if len(good) == 1:
            return good[0]
        known: list[str] = [name for entry in good for name in names(entry)]
        for entry in good:
            if self.reference in names(entry):
                return entry
        raise BuilderError(
            f"the archive has no image {self.reference}",
            details=[f"it has {name}" for name in known] or ["it has none with a name"],
            hint="give the image the reference that it has in the archive",
        )


def _names_of_entry(entry: Mapping[str, Any]) -> list[str]:
    names = entry.get("annotations")
    return _whole([names.get(REFERENCE_NAME)] if isinstance(names, dict) else [])


def _names_of_docker(entry: Mapping[str, Any]) -> list[str]:
    names = entry.get("RepoTags")
    return _whole(names if isinstance(names, list) else [])


def _whole(names: Sequence[object]) -> list[str]:
    found = []
    for name in names:
        try:
            found.append(str(Reference.parse(str(name))))
        except BuilderError:
            continue
    return found


def _blob(files: Mapping[str, Span], digest: str) -> bytes:
    span = _file(files, blob_path(digest))
    data = span.read()
    if Digest.of_bytes(data) != digest:
        raise VerificationError(f"the archive's blob {digest} is damaged: it is {Digest.of_bytes(data)}")
    return data


def _file(files: Mapping[str, Span], name: str) -> Span:
    if name not in files:
        raise BuilderError(f"the archive lacks {name}, which one of its images needs", hint="get it again")
    return files[name]


@contextmanager
def _opened(source: Path) -> Iterator[Mapping[str, Span]]:
    """The files of a directory, or of an uncompressed tar file, by name."""
    if source.is_dir():
        found = [path for path in sorted(source.rglob("*")) if path.is_file() and path.stat().st_size]
        yield {str(path.relative_to(source)): _mapped(path) for path in found}
        return
    span = _mapped(source)
    try:
        files = _members(span.data)
    except BuilderError as error:
        raise BuilderError(f"{source.name}: {error.brief}", hint=_HINT) from None
    yield files


def _mapped(path: Path) -> Span:
    """A file as a whole."""
    try:
        data = MappedFiles([path])
    except BuilderError as error:
        raise BuilderError(error.brief, hint=_HINT) from None
    return Span(data=data, offset=0, size_bytes=len(data))


def _members(data: MappedFiles) -> Mapping[str, Span]:
    files: dict[str, Span] = {}
    links: dict[str, str] = {}
    for member in read_members(data):
        name = posixpath.normpath(member.name)
        if member.type == REGULAR:
            files[name] = Span(data=data, offset=member.offset, size_bytes=member.size_bytes)
        elif member.type == SYMLINK:  # older 'docker save': a layer that is there already
            links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.link))
        elif member.type == HARDLINK:
            links[name] = posixpath.normpath(member.link)
        elif member.type != DIRECTORY:
            raise BuilderError(f"{member.name} is neither a file, nor a directory, nor a link")
    for name, target in links.items():
        for _ in range(_MOST_LINKS):
            target = links.get(target, target)  # noqa: PLW2901 - it is followed
        if target in files:
            files[name] = files[target]
    return files
