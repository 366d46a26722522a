"""The kinds of steps that bring ready-made images, out of registries and files."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.oci.documents import Blob, Origin, blob_path
from builder.oci.platform import Platform
from builder.oci.reference import Reference
from builder.steps.context import StepContext
from builder.steps.kinds.common import online, snapshot
from builder.steps.step import StepKind

# Where the files of a layout stand among the sources.
LAYOUT_SOURCE = "layout"
# Beside a transfer that is waited for, the build may be cancelled.
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInput:
    """A blob; `reference` says whose repository has it, and makes no difference to what it is. Manifests lie elsewhere there."""

    digest: Digest
    size_bytes: int
    reference: str = field(compare=False)
    is_manifest: bool = field(default=False, compare=False)


def _fetch_blob(wanted: BlobInput, context: StepContext) -> None:
    # Plans are made without an HTTP client, which takes longer to import than most plans to make.
    from builder.debian.partials import partial_file
    from builder.oci.registry.client import Work

    online(context, f"{wanted.reference}: {wanted.digest}")
    reference = Reference.parse(wanted.reference)
    target = context.output / blob_path(wanted.digest)
    target.parent.mkdir(parents=True)
    work = Work(runner=context.runner, pause=_pause(wanted, context), progress=_tell(wanted, context))
    registries = context.network.registries.get()
    if wanted.is_manifest:
        pinned = Reference(host=reference.host, path=reference.path, digest=wanted.digest)
        registries.fetch_manifest(pinned, target, work)
        return
    blob = Blob(media_type="", digest=wanted.digest, size_bytes=wanted.size_bytes)
    with partial_file(context.caches.debian / "partial", wanted.digest) as place:
        registries.fetch_blob(reference, blob, target, work, beginning=place)


def _tell(wanted: BlobInput, context: StepContext) -> Callable[[int], None]:
    return lambda size_bytes: context.progress("download", size_bytes, wanted.size_bytes, "bytes")


def _pause(wanted: BlobInput, context: StepContext) -> Callable[[float], None]:
    """Waits, and ends the step when the build is cancelled, which telling progress notices."""

    def pause(seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            context.progress("download", 0, wanted.size_bytes, "bytes")
            time.sleep(min(left_s, _PAUSE_S))

    return pause


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledInput:
    """The image `reference` for `arch`: its manifest and its config lie in what the step needs under these names."""

    reference: str
    arch: Arch
    media_type: str
    manifest: Digest
    manifest_bytes: int
    config: Digest


def _note_pulled(wanted: PulledInput, context: StepContext) -> None:
    from builder.oci.image import ImageNote, write_note
    from builder.oci.pulled import read_manifest, require_platform

    data = (context.needs["manifest"] / blob_path(wanted.manifest)).read_bytes()
    manifest = read_manifest(data, wanted.reference)
    if manifest.config.digest != wanted.config:
        raise BuilderError(
            f"the lock does not fit {wanted.reference}: its manifest names the config {manifest.config.digest}",
            hint="builder lock --update --only images",
        )
    require_platform((context.needs["config"] / blob_path(wanted.config)).read_bytes(), wanted.arch, wanted.reference)
    blob = Blob(media_type=wanted.media_type, digest=wanted.manifest, size_bytes=wanted.manifest_bytes)
    note = ImageNote(
        reference=wanted.reference, manifest=blob, platform=Platform.of(wanted.arch), origin=Origin.REGISTRY
    )
    write_note(context.output, note)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedInput:
    """The image `reference` for `arch` out of the sources: a tar file, or the files of a layout below `layout`.

    What is not compressed there is compressed by `compressor`.
    """

    reference: str
    arch: Arch
    compressor: str


def _take_archived(wanted: ArchivedInput, context: StepContext) -> None:
    from builder.oci.ready import ReadyImage

    directory = snapshot(context)
    layout = directory / LAYOUT_SOURCE
    source = layout if layout.is_dir() else next(directory.iterdir())
    ReadyImage(reference=wanted.reference, arch=wanted.arch).take(source, context.output, cores=context.cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonInput:
    """The image `reference` for `arch` of this machine's Docker daemon, whose config must have the digest `config`.

    Its layers are compressed by `compressor`.
    """

    reference: str
    arch: Arch
    config: Digest
    compressor: str


def _take_from_daemon(wanted: DaemonInput, context: StepContext) -> None:
    from builder.oci.daemon import Daemon
    from builder.oci.ready import ReadyImage

    archive = context.scratch / "image.tar"
    daemon = Daemon(environment=context.network.environment)
    daemon.save(wanted.reference, archive, lambda count: context.progress("download", count, None, "bytes"))
    image = ReadyImage(reference=wanted.reference, arch=wanted.arch, origin=Origin.DAEMON)
    found = image.config_digest(archive)
    if found != wanted.config:
        raise VerificationError(
            f"the Docker daemon's image {wanted.reference} is not what the lock pins",
            details=[f"pinned: {wanted.config}", f"found:  {found}"],
            hint="if it was built or pulled anew on purpose: builder lock --update --only images",
        )
    image.take(archive, context.output, cores=context.cores)


BLOB = StepKind(name="image-blob", version=1, run=_fetch_blob, downloads=True)
PULLED = StepKind(name="pulled-image", version=1, run=_note_pulled)
ARCHIVED = StepKind(name="archived-image", version=2, run=_take_archived)
DAEMON = StepKind(name="daemon-image", version=1, run=_take_from_daemon)
