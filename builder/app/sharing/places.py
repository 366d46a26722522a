"""Where shared results lie."""

import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from builder.app.sharing.packed import CONTENT, MOST_RECORD_BYTES, RECORD, SIGNATURE
from builder.core.digest import Digest, canonical_json
from builder.core.errors import BuilderError, VerificationError
from builder.io.files import remove_tree, sync_directory
from builder.oci.documents import MANIFEST, Blob
from builder.oci.reference import Reference
from builder.oci.registry.client import Registries, Work

_ARTIFACT = "application/vnd.kedge.cache.v1"
_TITLE = "org.opencontainers.image.title"
_FILE, _EMPTY = "application/octet-stream", "application/vnd.oci.empty.v1+json"
_EMPTY_BYTES = b"{}"
_FILES = (RECORD, CONTENT, SIGNATURE)
_REGISTRY = "oci://"


class Place(Protocol):
    """Has results by their keys, each as files in a directory. `BuilderError` where it cannot be reached."""

    def fetch(self, key: Digest, directory: Path) -> bool:
        """Write the result of `key` into `directory`; False where there is none. `VerificationError` where it is damaged."""

    def has(self, key: Digest) -> bool:
        """Whether there is a result of `key`."""

    def put(self, key: Digest, directory: Path) -> None:
        """Keep the files in `directory` as the result of `key`, in the place of what there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryPlace:
    """A directory, on a disk that several machines mount, or that a pipeline carries from run to run."""

    root: Path

    def fetch(self, key: Digest, directory: Path) -> bool:
        """See `Place`."""
        try:
            for name in _FILES:
                if (self._of(key) / name).is_file():
                    shutil.copyfile(self._of(key) / name, directory / name)
        except OSError as error:
            raise BuilderError(f"{error.filename or self.root}: {error.strerror}") from None
        return (directory / RECORD).exists()

    def has(self, key: Digest) -> bool:
        """See `Place`."""
        return (self._of(key) / RECORD).is_file()

    def put(self, key: Digest, directory: Path) -> None:
        """See `Place`."""
        target = self._of(key)
        fresh = target.with_name(f".{key.hex}.{secrets.token_hex(4)}.tmp")
        try:
            fresh.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(directory, fresh)
            sync_directory(fresh)
            if target.exists():
                target.rename(fresh.with_suffix(".old"))
            fresh.rename(target)
        except OSError as error:
            raise BuilderError(f"{error.filename or self.root}: {error.strerror}") from None
        finally:
            for left in (fresh, fresh.with_suffix(".old")):
                remove_tree(left)

    def _of(self, key: Digest) -> Path:
        return self.root / key.hex[:2] / key.hex


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryPlace:
    """A repository of a registry: each result is an artifact, and its tag is the key."""

    repository: Reference
    registries: Registries
    work: Work

    def fetch(self, key: Digest, directory: Path) -> bool:
        """See `Place`."""
        reference = self._of(key)
        data = self.registries.find_manifest(reference, self.work)
        if data is None:
            return False
        for name, blob in _read(data).items():
            self.registries.fetch_blob(reference, blob, directory / name, self.work)
        return True

    def has(self, key: Digest) -> bool:
        """See `Place`."""
        return self.registries.find_manifest(self._of(key), self.work) is not None

    def put(self, key: Digest, directory: Path) -> None:
        """See `Place`."""
        pusher = self.registries.pusher(self._of(key), self.work)
        empty = Blob.of(_EMPTY, _EMPTY_BYTES)
        pusher.push_bytes(empty, _EMPTY_BYTES)
        layers = []
        for name in _FILES:
            path = directory / name
            if path.exists():
                blob = Blob(media_type=_FILE, digest=Digest.of_file(path), size_bytes=path.stat().st_size)
                pusher.push_file(blob, path)
                layers.append({**blob.fields, "annotations": {_TITLE: name}})
        manifest = canonical_json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": _ARTIFACT,
                "config": empty.fields,
                "layers": layers,
            }
        )
        pusher.push_manifest(Blob.of(MANIFEST, manifest), manifest)

    def _of(self, key: Digest) -> Reference:
        return replace(self.repository, tag=key.hex, digest=None)


def open_place(text: str, open_registries: Callable[[], Registries], work: Work) -> Place:
    """The place that `text` names: `oci://HOST/REPOSITORY`, or a directory."""
    if text.startswith(_REGISTRY):
        repository = Reference.parse(text.removeprefix(_REGISTRY))
        return RegistryPlace(repository=repository, registries=open_registries(), work=work)
    return DirectoryPlace(root=Path(text))


def _read(manifest: bytes) -> dict[str, Blob]:
    try:
        found = {
            str(one["annotations"][_TITLE]): Blob(
                media_type=_FILE, digest=Digest(one["digest"]), size_bytes=int(one["size"])
            )
            for one in json.loads(manifest)["layers"]
        }
    except (ValueError, KeyError, TypeError, BuilderError):
        raise VerificationError("its manifest is damaged") from None
    if not {RECORD, CONTENT} <= found.keys() <= {*_FILES} or found[RECORD].size_bytes > MOST_RECORD_BYTES:
        raise VerificationError("its manifest is none of a result")
    return found
