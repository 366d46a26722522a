"""Images for tests, made by the engine itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.arch import Arch
from builder.formats.tar import REGULAR, TarMember
from builder.oci.documents import Compression, Layer, RunSettings
from builder.oci.image import ImageNote, NewImage, read_note
from builder.oci.layer import LayerFile, write_layer
from builder.oci.platform import Platform

EPOCH_S = 1_700_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an image is to be."""

    reference: str = "registry.example.com/app:1"
    arch: Arch = Arch.ARMV7
    layers: tuple[Mapping[str, bytes], ...] = ({"app": b"program"},)
    compression: Compression = Compression.ZSTD
    settings: RunSettings = field(default_factory=RunSettings)


def make_layer(directory: Path, files: Mapping[str, bytes], compression: Compression = Compression.ZSTD) -> Layer:
    members = [
        LayerFile(
            member=TarMember(name=name, type=REGULAR, mode=0o755, mtime_s=EPOCH_S, size_bytes=len(data)), data=data
        )
        for name, data in files.items()
    ]
    return write_layer(members, directory, compression, cores=1)


def make_image(directory: Path, made: Made) -> ImageNote:
    """Write the image with all of its blobs into the new `directory`."""
    directory.mkdir()
    layers = [make_layer(directory, files, made.compression) for files in made.layers]
    image = NewImage(reference=made.reference, platform=Platform.of(made.arch), settings=made.settings, epoch_s=EPOCH_S)
    image.write(directory, layers)
    return read_note(directory)
