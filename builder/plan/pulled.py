"""The steps that bring ready-made images, out of registries and files."""

from typing import Any

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import RecipeError
from builder.core.resources import GIB, MIB, Resources
from builder.plan.inputs import Inputs
from builder.recipe.images import Image
from builder.recipe.lockfile import LockedBlob, LockedImage
from builder.steps.kinds.pulled import (
    ARCHIVED,
    BLOB,
    DAEMON,
    PULLED,
    ArchivedInput,
    BlobInput,
    DaemonInput,
    PulledInput,
)
from builder.steps.step import Step

# A layer that is no larger than this comes through memory.
_ARCHIVED = Resources(cores=1, memory_bytes=1 * GIB)


def pulled_steps(inputs: Inputs, name: str, image: Image, arch: Arch) -> tuple[Step[PulledInput], list[Step[Any]]]:
    """The step that notes the image `name` for `arch`, and those that bring its blobs; images share blobs."""
    locked = inputs.lock.images.get(image.reference, {}).get(arch)
    if locked is None:  # a lock that fits its recipe has it
        raise RecipeError(f"the lock has nothing of {image.reference} for {arch}", hint="run 'builder lock --update'")
    steps = blob_steps(image.reference, locked)
    note = Step(
        id=f"{inputs.recipe.name}/{arch}/images/{name}",
        kind=PULLED,
        input=PulledInput(
            reference=image.reference,
            arch=arch,
            media_type=locked.media_type,
            manifest=Digest(locked.manifest.digest),
            manifest_bytes=locked.manifest.size_bytes,
            config=Digest(locked.config.digest),
        ),
        needs={"manifest": steps[0], "config": steps[1]},
        origins={"input.reference": inputs.origin(f"images.{name}.reference")},
    )
    return note, steps


def archived_step(inputs: Inputs, name: str, image: Image, arch: Arch, compressor: str) -> Step[ArchivedInput]:
    """The step that takes the image `name` for `arch` out of its archive."""
    sources = inputs.image_files.archives[name]
    return Step(
        id=f"{inputs.recipe.name}/{arch}/images/{name}",
        kind=ARCHIVED,
        input=ArchivedInput(reference=image.reference, arch=arch, compressor=compressor),
        sources=sources,
        resources=_ARCHIVED,
        origins={"input.reference": inputs.origin(f"images.{name}.reference")} | inputs.places(sources),
    )


def daemon_step(inputs: Inputs, name: str, image: Image, arch: Arch, compressor: str) -> Step[DaemonInput]:
    """The step that takes the image `name` for `arch` from the Docker daemon."""
    config = inputs.lock.daemon_images.get(image.reference, {}).get(arch)
    if config is None:  # a lock that fits its recipe has it
        raise RecipeError(f"the lock has nothing of {image.reference} for {arch}", hint="run 'builder lock --update'")
    return Step(
        id=f"{inputs.recipe.name}/{arch}/images/{name}",
        kind=DAEMON,
        input=DaemonInput(reference=image.reference, arch=arch, config=Digest(config), compressor=compressor),
        resources=_ARCHIVED,
        origins={"input.reference": inputs.origin(f"images.{name}.reference")},
    )


def blob_steps(reference: str, locked: LockedImage) -> list[Step[Any]]:
    """The steps that bring manifest, config and layers, in this order."""
    manifest = _blob_step(reference, locked.manifest, is_manifest=True)
    return [manifest, *(_blob_step(reference, blob) for blob in (locked.config, *locked.layers))]


def _blob_step(reference: str, blob: LockedBlob, *, is_manifest: bool = False) -> Step[BlobInput]:
    digest = Digest(blob.digest)
    return Step(
        id=f"images/blob/{digest.short}",
        kind=BLOB,
        input=BlobInput(digest=digest, size_bytes=blob.size_bytes, reference=reference, is_manifest=is_manifest),
        # A download waits for a server, and holds a piece of the file at a time.
        resources=Resources(cores=0, memory_bytes=16 * MIB, connections=1, disk_bytes=blob.size_bytes),
    )
