"""Bundles: the images of one platform as an OCI image layout in an uncompressed tar, each blob once.

That is what containerd's importer reads without unpacking anything first; layers are compressed on their own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.tar import DIRECTORY, REGULAR, TarMember, end_bytes, header_bytes, padding_bytes
from builder.oci.documents import INDEX_FILE, LAYOUT, LAYOUT_FILE, blob_path, index_bytes
from builder.oci.image import IMAGE_FILE, ImageNote, read_note
from builder.oci.parts import PartWriter

_BLOBS = "blobs/sha256"


def write_bundle(directories: Iterable[Path], target: Path, *, epoch_s: int, part_bytes: int | None = None) -> Path:
    """Write the images among `directories` to the new file `target`, with all of their blobs, which lie in any of them.

    What is larger than `part_bytes` becomes parts of that size. The bundle's file, or the first of them, is returned.
    `BuilderError` where a blob is missing, or two images have one reference.
    """
    places = list(directories)
    notes = _notes(places)
    blobs = _blobs(notes, _known(places))
    index = index_bytes([note.descriptor for note in notes])
    with PartWriter(target, part_bytes) as files:
        writer = _TarWriter(files, epoch_s)
        writer.put_data(LAYOUT_FILE, LAYOUT)
        writer.put_data(INDEX_FILE, index)
        for name in ("blobs/", f"{_BLOBS}/"):
            writer.put_directory(name)
        for digest, path in sorted(blobs.items()):
            writer.put_file(blob_path(digest), path)
        files.put(end_bytes(files.size_bytes))
    return files.first


def _notes(places: Sequence[Path]) -> list[ImageNote]:
    """The images by reference."""
    found: dict[str, ImageNote] = {}
    for place in places:
        if (place / IMAGE_FILE).is_file():
            note = read_note(place)
            known = found.setdefault(note.reference, note)
            if known.manifest != note.manifest:
                raise BuilderError(
                    f"two images are called {note.reference}",
                    details=[str(known.manifest.digest), str(note.manifest.digest)],
                    hint="give one of them another reference in the recipe",
                )
    return [found[reference] for reference in sorted(found)]


def _known(places: Sequence[Path]) -> Mapping[str, Path]:
    """All blobs that there are, by digest."""
    return {
        f"sha256:{path.name}": path
        for place in places
        if (place / _BLOBS).is_dir()
        for path in (place / _BLOBS).iterdir()
    }


def _blobs(notes: Sequence[ImageNote], known: Mapping[str, Path]) -> dict[Digest, Path]:
    """What the images need: manifests, configs and layers."""
    missing: list[str] = []
    needed: dict[Digest, Path] = {}

    def need(digest: str, whose: str) -> Path | None:
        path = known.get(digest)
        if path is None:
            missing.append(f"{whose}: {digest}")
        else:
            needed[Digest(digest)] = path
        return path

    for note in notes:
        path = need(note.manifest.digest, note.reference)
        manifest: Mapping[str, Any] = json.loads(path.read_bytes()) if path else {"layers": []}
        for blob in (*([manifest["config"]] if path else []), *manifest["layers"]):
            need(blob["digest"], note.reference)
    if missing:
        raise BuilderError("blobs of images are missing", details=missing)
    return needed


class _TarWriter:
    """Members one after the other, all of one date."""

    def __init__(self, files: PartWriter, epoch_s: int) -> None:
        self._files = files
        self._epoch_s = epoch_s

    def put_directory(self, name: str) -> None:
        self._files.put(header_bytes(TarMember(name=name, type=DIRECTORY, mode=0o755, mtime_s=self._epoch_s)))

    def put_data(self, name: str, data: bytes) -> None:
        self._files.put(self._header(name, len(data)) + data + padding_bytes(len(data)))

    def put_file(self, name: str, path: Path) -> None:
        """A file is not hashed again: it was where it comes from, and the bundle is read afterwards."""
        size_bytes = path.stat().st_size
        self._files.put(self._header(name, size_bytes))
        self._files.put_file(path, size_bytes)
        self._files.put(padding_bytes(size_bytes))

    def _header(self, name: str, size_bytes: int) -> bytes:
        return header_bytes(
            TarMember(name=name, type=REGULAR, mode=0o644, mtime_s=self._epoch_s, size_bytes=size_bytes)
        )
