"""Images that builds run in: made of a root file system of our own, or one that the user names by its digest."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from builder.containers.daemon import refusal
from builder.core.digest import Digest, canonical_json
from builder.core.errors import BuilderError, MissingToolError, RecipeError
from builder.io.files import CHUNK_BYTES
from builder.oci.documents import Blob, Layer, RunSettings, config_bytes
from builder.oci.platform import Platform

_NAME = "builder-executor"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_ALGORITHM = "sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    """A file of an archive: what it holds, or the file that does."""

    name: str
    data: bytes | Path

    def pieces(self) -> Iterator[bytes]:
        """Its header, its content, and what fills the last block."""
        size_bytes = self.data.stat().st_size if isinstance(self.data, Path) else len(self.data)
        member = tarfile.TarInfo(self.name)
        member.size = size_bytes
        yield member.tobuf()
        if isinstance(self.data, Path):
            with self.data.open("rb") as stream:
                while piece := stream.read(CHUNK_BYTES):
                    yield piece
        else:
            yield self.data
        yield bytes(-size_bytes % tarfile.BLOCKSIZE)


@dataclass(frozen=True, kw_only=True)
class MadeImage:
    """The image of one layer: the archive `rootfs` with the digest `layer`, made at `epoch_s` (seconds since 1970)."""

    rootfs: Path
    layer: Digest
    platform: Platform
    epoch_s: int

    @cached_property
    def config(self) -> bytes:
        """The config, whose digest names the image."""
        blob = Blob(media_type=_LAYER, digest=self.layer, size_bytes=self.rootfs.stat().st_size)
        layers = [Layer(blob=blob, diff_id=self.layer)]
        return config_bytes(self.platform, RunSettings(), layers, epoch_s=self.epoch_s)

    @property
    def digest(self) -> Digest:
        """The same for the same root file system, whichever daemon has it."""
        return Digest.of_bytes(self.config)

    @property
    def reference(self) -> str:
        """The name under which daemons have it."""
        return f"{_NAME}:{self.digest.hex[:16]}"

    def ensure(self, client: docker.APIClient) -> str:
        """Let the daemon have it; its id there."""
        if found := self._find(client):
            return found
        for told in client.load_image(self.archive()):
            if error := told.get("error"):
                raise refusal(str(error))
        if found := self._find(client):
            return found
        raise BuilderError(
            f"the Docker daemon made something else of the image {self.reference} than it was given",
            hint="'docker image inspect' shows it; the daemon's log may say why",
        )

    def _find(self, client: docker.APIClient) -> str | None:
        """Its id at the daemon, where its layer is the one that it must be: a tag can be given to anything."""
        try:
            found = client.inspect_image(self.reference)
        except ImageNotFound:
            return None
        return str(found["Id"]) if found["RootFS"].get("Layers") == [self.layer] else None

    def archive(self) -> Iterator[bytes]:
        """As `docker save` writes images."""
        config = f"{self.digest.hex}.json"
        listed = canonical_json([{"Config": config, "RepoTags": [self.reference], "Layers": ["layer.tar"]}])
        for name, data in ((config, self.config), ("layer.tar", self.rootfs), ("manifest.json", listed)):
            yield from ArchiveMember(name=name, data=data).pieces()
        yield bytes(2 * tarfile.BLOCKSIZE)


def require_pinned(reference: str) -> None:
    """Raise `RecipeError` where `reference` could mean another image tomorrow."""
    digest = reference.rpartition("@")[2]
    if not digest.startswith(_ALGORITHM) or len(digest) != len(_ALGORITHM) + 64:
        raise RecipeError(
            f"the image {reference} is not pinned",
            hint="name it by its digest, NAME@sha256:... or sha256:...: 'docker image inspect' tells it",
        )


def named_image(client: docker.APIClient, reference: str) -> str:
    """The id of the image that the user named; it must be there."""
    try:
        return str(client.inspect_image(reference)["Id"])
    except ImageNotFound:
        raise MissingToolError(
            f"the Docker daemon has no image {reference}",
            hint=f"fetch it: docker pull {reference}; or make one: see Dockerfile.build",
        ) from None
