"""A release as an artifact of registries (OCI image-spec 1.1, "Guidelines for Artifact Usage"): each file is a layer.

The layout in the directory `oci` has no second copy of them: its blobs are links to the files beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from builder.core.digest import Digest, canonical_json
from builder.oci.documents import INDEX_FILE, LAYOUT, LAYOUT_FILE, MANIFEST, REFERENCE_NAME, Blob, index_bytes

DIRECTORY = "oci"
ARTIFACT_TYPE = "application/vnd.kedge.release.v1"
# What clients call a layer's file when they write it down.
TITLE = "org.opencontainers.image.title"
_CREATED, _VERSION = "org.opencontainers.image.created", "org.opencontainers.image.version"
_FILE, EMPTY = "application/octet-stream", "application/vnd.oci.empty.v1+json"
EMPTY_BYTES = b"{}"
_TYPES = {".json": "application/json", ".html": "text/html", ".md": "text/markdown", ".minisig": "text/plain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseArtifact:
    """The artifact of a release: its `files` (digest and size in bytes by name), `epoch_s` when it was made."""

    version: str
    epoch_s: int
    files: Mapping[str, tuple[Digest, int]]

    @property
    def manifest(self) -> bytes:
        """The manifest; the same for the same files."""
        created = datetime.fromtimestamp(self.epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return canonical_json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": ARTIFACT_TYPE,
                "config": Blob.of(EMPTY, EMPTY_BYTES).fields,
                "layers": [
                    {
                        "mediaType": _TYPES.get(f".{name.rpartition('.')[2]}", _FILE),
                        "digest": digest,
                        "size": size_bytes,
                        "annotations": {TITLE: name},
                    }
                    for name, (digest, size_bytes) in sorted(self.files.items())
                ],
                "annotations": {_CREATED: created, _VERSION: self.version},
            }
        )

    @property
    def documents(self) -> dict[str, bytes]:
        """The files of the layout that are no links, by their paths in it."""
        manifest = Blob.of(MANIFEST, self.manifest)
        names = {REFERENCE_NAME: self.version}
        entry = {**manifest.fields, "artifactType": ARTIFACT_TYPE, "annotations": names}
        return {
            LAYOUT_FILE: LAYOUT,
            INDEX_FILE: index_bytes([entry]),
            manifest.path: self.manifest,
            Blob.of(EMPTY, EMPTY_BYTES).path: EMPTY_BYTES,
        }

    @property
    def links(self) -> dict[str, str]:
        """What the other blobs say, by their paths in the layout. Files of equal content share one: the first."""
        found: dict[str, str] = {}
        for name, (digest, size_bytes) in sorted(self.files.items()):
            blob = Blob(media_type=_FILE, digest=digest, size_bytes=size_bytes)
            found.setdefault(blob.path, f"../../../{name}")
        return found


def read_artifact(manifest: bytes) -> dict[str, Blob]:
    """The files of the artifact with this `manifest`, by name; `ValueError` where it is none of a release."""
    document = json.loads(manifest)
    if not isinstance(document, dict) or document.get("artifactType") != ARTIFACT_TYPE:
        raise ValueError("it is no release")
    try:
        return {
            layer["annotations"][TITLE]: Blob(
                media_type=layer["mediaType"], digest=Digest(layer["digest"]), size_bytes=int(layer["size"])
            )
            for layer in document["layers"]
        }
    except (KeyError, TypeError):
        raise ValueError("a file of it has no name, no digest or no size") from None
