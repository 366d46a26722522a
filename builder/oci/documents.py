"""The documents that describe images: descriptors, configs, manifests, indexes (OCI image-spec 1.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from builder.core.digest import Digest, Json, canonical_json
from builder.oci.platform import Platform

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
# Docker's names for the same things.
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
MANIFESTS, INDEXES, CONFIGS = (MANIFEST, DOCKER_MANIFEST), (INDEX, DOCKER_INDEX), (CONFIG, DOCKER_CONFIG)
LAYOUT_FILE, INDEX_FILE = "oci-layout", "index.json"
LAYOUT = canonical_json({"imageLayoutVersion": "1.0.0"})

# The whole reference stands under both: the first is OCI's, the second is what containerd's importer looks at first.
REFERENCE_NAME, CONTAINERD_NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"
# Where an image comes from, for people who look into a bundle.
ORIGIN = "kedge.image.origin"


class Compression(StrEnum):
    """How a layer is compressed."""

    ZSTD = "zstd"
    GZIP = "gzip"

    @property
    def media_type(self) -> str:
        """That of a layer."""
        return f"application/vnd.oci.image.layer.v1.tar+{self}"


class Origin(StrEnum):
    """Where an image came from."""

    BUILT = "built"
    REGISTRY = "registry"
    ARCHIVE = "archive"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob as a manifest refers to it."""

    media_type: str
    digest: Digest
    size_bytes: int

    @classmethod
    def of(cls, media_type: str, data: bytes) -> "Blob":
        """The blob with the content `data`."""
        return cls(media_type=media_type, digest=Digest.of_bytes(data), size_bytes=len(data))

    @property
    def fields(self) -> dict[str, Json]:
        """As a descriptor writes it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size_bytes}

    @property
    def path(self) -> str:
        """Where an image layout has it."""
        return blob_path(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer: its `blob`, and the digest of the archive in it before it was compressed."""

    blob: Blob
    diff_id: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How a container of the image is started; fields as in OCI's config."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""

    @property
    def fields(self) -> dict[str, Json]:
        """As a config writes them; what is empty is left out."""
        ports: dict[str, Json] = {port: {} for port in self.ports}
        volumes: dict[str, Json] = {path: {} for path in self.volumes}
        values: dict[str, Json] = {
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "User": self.user,
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "WorkingDir": self.working_dir,
            "ExposedPorts": ports,
            "Volumes": volumes,
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
        }
        return {name: value for name, value in values.items() if value}


def blob_path(digest: str) -> str:
    """Where an image layout has the blob of `digest`."""
    return f"blobs/{digest.replace(':', '/')}"


def config_bytes(platform: Platform, settings: RunSettings, layers: Sequence[Layer], *, epoch_s: int) -> bytes:
    """The config of an image, made at `epoch_s` (seconds since 1970)."""
    created = datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return canonical_json(
        {
            "created": created,
            **platform.fields,
            "config": settings.fields,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created": created, "created_by": "builder"} for _ in layers],
        }
    )


def manifest_bytes(config: Blob, layers: Sequence[Blob]) -> bytes:
    """The manifest of an image."""
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.fields,
            "layers": [layer.fields for layer in layers],
        }
    )


def index_bytes(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """The index of an image layout with these descriptors."""
    return canonical_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)})
