"""The kinds of steps that make container images, and bundles of them.

Plans know of them without importing what they work with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.oci.documents import Compression, RunSettings
from builder.oci.platform import Platform
from builder.steps.context import StepContext
from builder.steps.kinds.common import copy_source
from builder.steps.kinds.rootfs import OUTPUT as ROOTFS_FILE
from builder.steps.step import StepKind

if TYPE_CHECKING:
    from builder.oci.layer import LayerFile

RELEASE_FILE = "images.json"
PACKAGES = "packages"
_LAYER = "layer."


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEntry:
    """A file of a layer: `path` without a slash in front, and one of these contents.

    `need` is the role of a step whose output has it as `file`; without a need, `file` is the name of a source, or empty where
    `text` is the content, `link` what a symbolic link says, or where it is an empty `directory`. `c_files` are what a program
    was compiled from, for the image's bill of materials.
    """

    path: str
    mode: int
    uid: int = 0
    gid: int = 0
    capabilities: tuple[str, ...] = ()
    need: str = ""
    c_files: Mapping[str, Digest] = field(default_factory=dict)
    file: str = ""
    text: str = ""
    link: str = ""
    directory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerInput:
    """A layer of `entries`, every one of them dated `epoch_s`; `compressor` is what writes it.

    The step that is needed as `packages`, if there is one, has further files in an archive.
    """

    epoch_s: int
    compression: Compression
    compressor: str
    entries: tuple[LayerEntry, ...]


def _make_layer(wanted: LayerInput, context: StepContext) -> None:
    from builder.oci.image import write_layer_note
    from builder.oci.layer import archive_files, write_layer

    files = [_layer_file(entry, wanted.epoch_s, context) for entry in wanted.entries]
    if packages := context.needs.get(PACKAGES):
        files += archive_files(packages / ROOTFS_FILE)
    layer = write_layer(files, context.output, wanted.compression, cores=context.cores)
    sources = {f"/{entry.path}": entry.c_files for entry in wanted.entries if entry.c_files}
    write_layer_note(context.output, layer, sources)


def _layer_file(entry: LayerEntry, epoch_s: int, context: StepContext) -> "LayerFile":
    from builder.formats.tar import DIRECTORY, REGULAR, SYMLINK, TarMember
    from builder.oci.capabilities import capability_bytes
    from builder.oci.layer import LayerFile

    source = _source(entry, context)
    data = entry.text.encode()
    member = TarMember(
        name=f"{entry.path}/" if entry.directory else entry.path,
        type=SYMLINK if entry.link else DIRECTORY if entry.directory else REGULAR,
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        mtime_s=epoch_s,
        size_bytes=source.stat().st_size if source else len(data),
        link=entry.link,
        capabilities=capability_bytes(entry.capabilities),
    )
    return LayerFile(member=member, data=data, source=source)


def _source(entry: LayerEntry, context: StepContext) -> Path | None:
    """The file with the content of `entry`; sources are copied, so that what is read is what the step's key was made from."""
    if entry.need:
        return context.needs[entry.need] / entry.file
    if not entry.file:
        return None
    target = context.scratch / "sources" / entry.file
    copy_source(context.sources[entry.file], target)
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInput:
    """The image `reference` for `arch`, made at `epoch_s`, of the layers that the step needs as `layer.NUMBER`."""

    reference: str
    arch: Arch
    epoch_s: int
    settings: RunSettings


def _make_image(wanted: ImageInput, context: StepContext) -> None:
    from builder.oci.image import NewImage, read_layer_note

    roles = sorted((role for role in context.needs if role.startswith(_LAYER)), key=_number)
    image = NewImage(
        reference=wanted.reference,
        platform=Platform.of(wanted.arch),
        settings=wanted.settings,
        epoch_s=wanted.epoch_s,
    )
    image.write(context.output, [read_layer_note(context.needs[role]) for role in roles])


def _number(role: str) -> int:
    return int(role.removeprefix(_LAYER))


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInput:
    """The bundle `name` for `arch` of everything that the step needs: images, and whatever holds their blobs.

    It must have all that the `system` images (references by name) and the sources, manifests and a configuration, can need.
    What is larger than `part_bytes` is written in parts of that size. Beside it is a bill of materials of each image.
    """

    name: str
    arch: Arch
    epoch_s: int
    system: Mapping[str, str]
    part_bytes: int | None


def _make_bundle(wanted: BundleInput, context: StepContext) -> None:
    from builder.oci.bills import bills_of
    from builder.oci.bundle import write_bundle
    from builder.oci.image import read_sources
    from builder.oci.needs import find_needs
    from builder.oci.verify import Expected, verify_bundle

    bundle = write_bundle(
        context.needs.values(), context.output / wanted.name, epoch_s=wanted.epoch_s, part_bytes=wanted.part_bytes
    )
    files = {name: context.scratch / "sources" / name for name in context.sources}
    for name, source in context.sources.items():
        copy_source(source, files[name])
    needs = find_needs(wanted.system, {str(context.sources[name].path): path for name, path in files.items()})
    expected = Expected(arch=wanted.arch, needed=needs.places)
    problems = [*needs.hopeless, *verify_bundle(bundle, expected, cores=context.cores)]
    if problems:
        raise VerificationError(
            f"{wanted.name} is not complete",
            details=[str(problem) for problem in problems],
            hint="the images of the recipe are what is in the bundle; bundle.manifests and bundle.config say what must be",
        )
    for name, data in bills_of(bundle, read_sources(context.needs.values())):
        (context.output / name).write_bytes(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseInput:
    """What kedge knows of the images that it needs itself.

    `names` are their references by the roles of the steps that hold them.
    """

    arch: Arch
    names: Mapping[str, str]


def _write_release(wanted: ReleaseInput, context: StepContext) -> None:
    from builder.oci.image import read_note
    from builder.oci.release import SystemImage, release_bytes

    images = {name: read_note(context.needs[name]) for name in wanted.names}
    for name, reference in wanted.names.items():
        if images[name].reference != reference:
            raise BuilderError(f"the image {name} is {images[name].reference}, not {reference}")
    data = release_bytes(
        wanted.arch,
        [SystemImage(name=one, reference=note.reference, digest=note.manifest.digest) for one, note in images.items()],
    )
    (context.output / RELEASE_FILE).write_bytes(data)


LAYER = StepKind(name="image-layer", version=2, run=_make_layer)
IMAGE = StepKind(name="image", version=1, run=_make_image)
BUNDLE = StepKind(name="image-bundle", version=2, run=_make_bundle)
RELEASE = StepKind(name="image-release", version=1, run=_write_release)
