"""The `images` and `bundle` sections: what a device's container runtime finds without a network."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict
from pydantic_core import PydanticCustomError

from builder.core.errors import BuilderError
from builder.core.resources import MIB, parse_size
from builder.oci.capabilities import NAMES
from builder.oci.documents import Compression
from builder.oci.reference import Reference
from builder.recipe.section import LocatedPath, Section, Unique
from builder.recipe.shapes import (
    BuildTag,
    CapabilityName,
    CommandWord,
    DebianName,
    DevicePath,
    DnsLabel,
    EnvironmentName,
    FileName,
    FilePattern,
    GoPackage,
    ImageName,
    ImageUser,
    LabelName,
    LineText,
    ModeText,
    PortText,
    SizeText,
    TemplateText,
    VariableName,
)


def _whole_reference(text: str) -> str:
    try:
        reference = Reference.parse(text)
    except BuilderError as error:
        raise PydanticCustomError("reference", "{reason}", {"reason": error.brief}) from None
    if str(reference) != text:
        raise PydanticCustomError("reference", "must be the whole reference: {whole}", {"whole": str(reference)})
    if reference.digest:
        raise PydanticCustomError("reference", "must have no digest: the lock pins it")
    return text


def _known_capability(name: str) -> str:
    if name not in NAMES:
        raise PydanticCustomError("capability", "{name} is no capability of Linux", {"name": name})
    return name


ImageReference = Annotated[ImageName, AfterValidator(_whole_reference)]
Capability = Annotated[CapabilityName, AfterValidator(_known_capability)]


def _enough_for_a_part(text: str) -> str:
    if parse_size(text) < MIB:
        raise PydanticCustomError("part_size", "must be at least 1 MiB")
    return text


class GoProgram(Section):
    """A main package of a Go module that the cluster executable requires, or of its own module."""

    package: GoPackage = Field(description="The package: inside `cluster.source`, or an import path.")
    tags: Annotated[tuple[BuildTag, ...], *Unique] = Field(default=(), description="Go build tags.")
    variables: Mapping[VariableName, TemplateText] = Field(
        default={}, description="String variables that the linker sets; templates as in `cluster.variables`."
    )


class ImageFile(Section):
    """One file of an image; exactly one of the first seven keys is given."""

    built: FileName | None = Field(
        default=None, description="An executable of this recipe: `cluster.name` without its payload, or a helper."
    )
    go: GoProgram | None = Field(default=None, description="A Go program.")
    c: Annotated[tuple[LocatedPath, ...], *Unique] | None = Field(
        default=None, min_length=1, description="C files that become one static program."
    )
    source: LocatedPath | None = Field(default=None, description="A file of this machine that is copied.")
    content: str | None = Field(default=None, description="Its text.")
    link: CommandWord | None = Field(default=None, description="What it is a symbolic link to.")
    directory: Literal[True] | None = Field(default=None, description="`true`: it is an empty directory.")
    mode: ModeText | None = Field(
        default=None,
        description="Permissions in octal digits; by default `0755` for programs and directories, `0644` for others.",
    )
    uid: int = Field(default=0, ge=0, le=4294967294, description="Number of the user that owns it.")
    gid: int = Field(default=0, ge=0, le=4294967294, description="Number of the group that owns it.")
    capabilities: Annotated[tuple[Capability, ...], *Unique] = Field(
        default=(), description="File capabilities, permitted and effective, such as `net_bind_service`."
    )


class ImageLayer(Section):
    """One layer; images with an equal one share it."""

    files: Mapping[DevicePath, ImageFile] = Field(default={}, description="Single files by path.")
    directories: Mapping[DevicePath, LocatedPath] = Field(
        default={}, description="Directories of this machine whose files are copied, by path in the image."
    )
    packages: Annotated[tuple[DebianName, ...], *Unique] = Field(
        default=(),
        description="Debian's packages that files are taken of, and with them all that they depend on; see `keep`.",
    )
    keep: Annotated[tuple[FilePattern, ...], *Unique] = Field(
        default=(),
        description=(
            "What the image has of `packages`: files and directories by path, `*` for any text; libraries that kept programs"
            " load come with them."
        ),
    )
    compression: Annotated[Compression, Strict(strict=False)] = Field(
        default=Compression.ZSTD,
        description="`zstd`, or `gzip` for runtimes that know nothing else (containerd before 1.5).",
    )


class Pull(StrEnum):
    """Where a ready-made image is pulled from."""

    REGISTRY = "registry"
    DAEMON = "daemon"


class Image(Section):
    """One image of the bundle: built out of `layers`, pulled, or read from `archive`; one of these keys is given."""

    reference: ImageReference = Field(
        description="Its whole name on the device, with host and tag: `registry.example.com/team/app:1.2`."
    )
    layers: Mapping[DnsLabel, ImageLayer] | None = Field(
        default=None, description="Layers by name, in the order of writing: the image is built."
    )
    pull: Annotated[Pull, Strict(strict=False)] | None = Field(
        default=None,
        description=(
            "`registry`: from the registry in its reference, by the digest in the lock; `daemon`: from this machine's Docker"
            " daemon, which must have what the lock pins."
        ),
    )
    archive: LocatedPath | None = Field(
        default=None, description="An OCI image layout (a directory or a tar file) or an archive of `docker save`."
    )
    system: bool = Field(
        default=False,
        description="Whether kedge itself needs it: its digest then becomes part of the executable.",
    )
    entrypoint: tuple[LineText, ...] = Field(default=(), description="Command line of a container.")
    command: tuple[LineText, ...] = Field(default=(), description="Arguments that a pod may replace.")
    user: ImageUser = Field(default="", description="Numbers of user and group, such as `65535:65535`.")
    environment: Mapping[EnvironmentName, LineText] = Field(default={}, description="Environment variables.")
    working_dir: DevicePath | None = Field(default=None, description="Directory in which a container starts.")
    ports: Annotated[tuple[PortText, ...], *Unique] = Field(default=(), description="Ports that it listens on.")
    labels: Mapping[LabelName, LineText] = Field(default={}, description="Labels.")


class Bundle(Section):
    """What the bundle of images must satisfy, and how it is written."""

    config: LocatedPath | None = Field(
        default=None, description="Configuration of the cluster: all images that it can need must be in the bundle."
    )
    manifests: Annotated[tuple[LocatedPath, ...], *Unique] = Field(
        default=(), description="Kubernetes manifests, files or directories, whose images must be in the bundle."
    )
    part_size: Annotated[SizeText, AfterValidator(_enough_for_a_part)] | None = Field(
        default=None,
        description=(
            "Largest file that is written: a larger bundle becomes parts, `NAME.tar.00` and so on, as FAT needs with 4095 MiB."
        ),
    )
    embedded: bool = Field(
        default=False,
        description="Whether the bundle becomes part of the executable too: `kedge airgap import` finds it there.",
    )
