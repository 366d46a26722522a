"""Ready-made images: what their manifests and indexes say, and what of it is fit for a bundle."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.core.arch import Arch
from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.oci.documents import CONFIGS, INDEXES, MANIFEST, MANIFESTS, Blob
from builder.oci.platform import Platform

_FOREIGN = ("foreign", "nondistributable")
_HINT = "ask whoever makes the image for one that OCI's image-spec describes"


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledManifest:
    """A manifest: of which type it is, its config and its layers."""

    media_type: str
    config: Blob
    layers: tuple[Blob, ...]


def read_object(data: bytes, what: str) -> Mapping[str, Any]:
    """The JSON object in `data`; `BuilderError` where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise BuilderError(f"{what} is no JSON", hint=_HINT) from None
    if not isinstance(value, dict):
        raise BuilderError(f"{what} is no JSON object", hint=_HINT)
    return value


def is_index(document: Mapping[str, Any]) -> bool:
    """Whether a document names manifests of several platforms; older ones do not say of which type they are."""
    return document.get("mediaType") in INDEXES or ("mediaType" not in document and "manifests" in document)


def choose_manifest(index: Mapping[str, Any], arch: Arch, what: str) -> Blob:
    """The manifest for `arch` in an index; `BuilderError` where there is none, with what there is."""
    wanted = Platform.of(arch)
    entries = [entry for entry in _list(index.get("manifests"), what) if entry.get("mediaType") in MANIFESTS]
    platforms = [(Platform.read(_mapping(entry.get("platform"))), entry) for entry in entries]
    for platform, entry in platforms:
        if platform.same(wanted):
            return _blob(entry, what)
    raise BuilderError(
        f"{what} has no image for {wanted}",
        details=[f"it has {platform}" for platform, _ in platforms],
        hint=f"drop the image from recipes for {arch}, or name one that is made for it",
    )


def read_manifest(data: bytes, what: str) -> PulledManifest:
    """The manifest in `data`; `BuilderError` for one of schema 1, with layers from elsewhere, or that is none."""
    document = read_object(data, what)
    if document.get("schemaVersion") == 1:
        raise BuilderError(
            f"{what} is of schema 1, which nobody reads any more", hint="push it again with a newer tool"
        )
    media_type = document.get("mediaType", MANIFEST)
    config = _mapping(document.get("config"))
    if media_type not in MANIFESTS or config.get("mediaType") not in CONFIGS:
        raise BuilderError(f"{what} is no container image: {config.get('mediaType') or media_type}", hint=_HINT)
    layers = _list(document.get("layers"), what)
    for layer in layers:
        if any(word in str(layer.get("mediaType")) for word in _FOREIGN):
            raise BuilderError(
                f"{what} has a layer that its registry does not hand out: {layer.get('mediaType')}",
                hint="such images cannot be carried to devices; use one with all of its layers",
            )
    return PulledManifest(
        media_type=media_type, config=_blob(config, what), layers=tuple(_blob(layer, what) for layer in layers)
    )


def require_platform(config: bytes, arch: Arch, what: str) -> None:
    """Raise where the image with this config is not for `arch`."""
    found = Platform.read(read_object(config, f"the config of {what}"))
    if not found.same(Platform.of(arch)):
        raise BuilderError(f"{what} is for {found}, not for {Platform.of(arch)}")


def _blob(entry: Mapping[str, Any], what: str) -> Blob:
    size_bytes = entry.get("size")
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 0:
        raise BuilderError(f"{what} does not say how large its parts are", hint=_HINT)
    return Blob(media_type=str(entry.get("mediaType")), digest=Digest(str(entry.get("digest"))), size_bytes=size_bytes)


def _list(value: object, what: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BuilderError(f"{what} has no list of its parts", hint=_HINT)
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
