"""What is in a bundle, for people and programs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.oci.documents import INDEX_FILE, ORIGIN, REFERENCE_NAME, blob_path
from builder.oci.layout import Layout, open_layout
from builder.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An image of a bundle: `size_bytes` is all that it consists of, `unique_bytes` what no other image has."""

    reference: str
    digest: str
    platform: str
    origin: str
    size_bytes: int
    unique_bytes: int


def list_bundle(path: Path) -> list[Item]:
    """The images of the bundle at `path`, as its index names them; `BuilderError` where that cannot be read."""
    layout = open_layout(path)
    entries = layout.document(INDEX_FILE).get("manifests") or []
    try:
        blobs = {str(entry["digest"]): _blobs(layout, entry) for entry in entries}
        owners = Counter(digest for found in blobs.values() for digest in found)
        return [_item(entry, blobs[str(entry["digest"])], owners) for entry in entries]
    except (KeyError, TypeError, AttributeError):
        raise BuilderError(
            f"{path}: the index or a manifest of the bundle is damaged", hint="'builder airgap verify' tells more"
        ) from None


def arch_of(path: Path) -> Arch:
    """The architecture that the first image of the bundle at `path` is for; `BuilderError` where that is none of ours."""
    entries = open_layout(path).document(INDEX_FILE).get("manifests")
    first = entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}
    platform = Platform.read(first.get("platform") or {})
    for arch in Arch:
        if Platform.of(arch).same(platform):
            return arch
    raise BuilderError(
        f"{path}: the first image of the bundle is for {str(platform) or 'no platform'}",
        hint=f"say with --arch which of {', '.join(Arch)} the bundle is meant for",
    )


def _blobs(layout: Layout, entry: Mapping[str, Any]) -> dict[str, int]:
    """The sizes of everything that an image consists of, by digest."""
    manifest = layout.document(blob_path(str(entry["digest"])))
    parts = [entry, manifest["config"], *manifest["layers"]]
    return {str(part["digest"]): int(part["size"]) for part in parts}


def _item(entry: Mapping[str, Any], blobs: Mapping[str, int], owners: Mapping[str, int]) -> Item:
    names = entry["annotations"]
    return Item(
        reference=names[REFERENCE_NAME],
        digest=entry["digest"],
        platform=str(Platform.read(entry["platform"])),
        origin=names.get(ORIGIN, "unknown"),
        size_bytes=sum(blobs.values()),
        unique_bytes=sum(size for digest, size in blobs.items() if owners[digest] == 1),
    )
