"""Images as steps hand them on: a directory with blobs, and a note that says which of them is the image."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.core.digest import Digest, canonical_json
from builder.oci.documents import (
    CONFIG,
    CONTAINERD_NAME,
    MANIFEST,
    ORIGIN,
    REFERENCE_NAME,
    Blob,
    Layer,
    Origin,
    RunSettings,
    config_bytes,
    manifest_bytes,
)
from builder.oci.platform import Platform

IMAGE_FILE, LAYER_FILE = "image.json", "layer.json"
_SOURCES = "sources"

SourcesByProgram = Mapping[str, Mapping[str, Digest]]
"""The C files of programs that were made here, by name, by the path of the program in the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNote:
    """An image: its whole reference, its manifest, its platform, and where it came from."""

    reference: str
    manifest: Blob
    platform: Platform
    origin: Origin

    @property
    def descriptor(self) -> dict[str, Any]:
        """The entry of an index for it."""
        names = {REFERENCE_NAME: self.reference, CONTAINERD_NAME: self.reference, ORIGIN: str(self.origin)}
        return {**self.manifest.fields, "platform": self.platform.fields, "annotations": names}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """An image that is made here, at `epoch_s` (seconds since 1970)."""

    reference: str
    platform: Platform
    settings: RunSettings
    epoch_s: int

    def write(self, directory: Path, layers: Sequence[Layer]) -> None:
        """Write its config, its manifest and its note into `directory`; the blobs of its `layers` lie elsewhere."""
        config = config_bytes(self.platform, self.settings, layers, epoch_s=self.epoch_s)
        manifest = manifest_bytes(Blob.of(CONFIG, config), [layer.blob for layer in layers])
        for data in (config, manifest):
            write_blob(directory, data)
        blob = Blob.of(MANIFEST, manifest)
        write_note(
            directory,
            ImageNote(reference=self.reference, manifest=blob, platform=self.platform, origin=Origin.BUILT),
        )


def write_blob(directory: Path, data: bytes) -> None:
    """Write `data` as a blob below `directory`."""
    place = directory / Blob.of("", data).path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def write_note(directory: Path, note: ImageNote) -> None:
    """Say in `directory` which image it has."""
    (directory / IMAGE_FILE).write_bytes(canonical_json(note.descriptor))


def read_note(directory: Path) -> ImageNote:
    """What `write_note` wrote."""
    fields = json.loads((directory / IMAGE_FILE).read_bytes())
    names = fields["annotations"]
    return ImageNote(
        reference=names[REFERENCE_NAME],
        manifest=Blob(media_type=fields["mediaType"], digest=Digest(fields["digest"]), size_bytes=fields["size"]),
        platform=Platform.read(fields["platform"]),
        origin=Origin(names[ORIGIN]),
    )


def write_layer_note(directory: Path, layer: Layer, sources: SourcesByProgram) -> None:
    """Say in `directory` which layer it has, and what the programs in it were made of."""
    made_of = {path: dict(files) for path, files in sources.items()}
    (directory / LAYER_FILE).write_bytes(
        canonical_json({**layer.blob.fields, "diff_id": layer.diff_id, _SOURCES: made_of})
    )


def read_layer_note(directory: Path) -> Layer:
    """The layer that `write_layer_note` told of."""
    fields = json.loads((directory / LAYER_FILE).read_bytes())
    blob = Blob(media_type=fields["mediaType"], digest=Digest(fields["digest"]), size_bytes=fields["size"])
    return Layer(blob=blob, diff_id=Digest(fields["diff_id"]))


def read_sources(directories: Iterable[Path]) -> dict[str, SourcesByProgram]:
    """What `write_layer_note` told of programs, in any of `directories`, by the digest of their layer."""
    notes = [json.loads((one / LAYER_FILE).read_bytes()) for one in directories if (one / LAYER_FILE).is_file()]
    return {
        note["digest"]: {
            path: {name: Digest(digest) for name, digest in files.items()} for path, files in note[_SOURCES].items()
        }
        for note in notes
    }
