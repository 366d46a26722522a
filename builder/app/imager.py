"""The list of images that Raspberry Pi Imager reads (its doc/json-schema/os-list-schema.json)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from builder.app.manifest import Manifest
from builder.core.digest import Digest, Json
from builder.core.errors import BuilderError, RecipeError

_MANIFEST, _DESCRIPTION = "manifest.json", "image.json"
# Older Imagers read xz alone.
_SUFFIXES = (".xz", ".zst", "")


class _Description(BaseModel):
    """As much of `image.json` as is needed here: what the image is when it is not compressed."""

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str
    size_bytes: int


def imager_list(out: Path, url: str) -> dict[str, Json]:
    """The list of all images below `out` whose boards Imager knows; `url` is where `out` will be found."""
    entries = [entry for place in sorted(out.rglob(_DESCRIPTION)) for entry in _entries(place.parent, out, url)]
    if not entries:
        raise RecipeError(
            f"there is no image below {out} for a board that Raspberry Pi Imager knows",
            hint="boards with 'imager' in recipes/boards/ are those; 'builder make --target image' makes images",
        )
    return {"os_list": entries}


def _entries(place: Path, out: Path, url: str) -> Iterator[dict[str, Json]]:
    description, manifest = _read(place)
    boards = manifest.inputs.recipe.get("boards")
    board = boards.get(place.name) if isinstance(boards, dict) else None
    if not isinstance(board, dict) or not board.get("imager"):
        return
    artifacts = {one.path: one for one in manifest.artifacts}
    names = [f"{description.name}{suffix}" for suffix in _SUFFIXES if f"{description.name}{suffix}" in artifacts]
    if not names:
        return
    artifact = artifacts[names[0]]
    yield {
        "name": f"{manifest.name} ({board['title']})",
        "description": f"{manifest.name} for {board['title']}, {manifest.arch}",
        "icon": "",
        "url": f"{url.rstrip('/')}/{(place / artifact.path).relative_to(out)}",
        "extract_size": description.size_bytes,
        "extract_sha256": Digest(description.digest).hex,
        "image_download_size": artifact.size_bytes,
        "image_download_sha256": Digest(artifact.digest).hex,
        "release_date": datetime.fromtimestamp(manifest.inputs.epoch_s, UTC).strftime("%Y-%m-%d"),
        # Nothing that Imager could put into the image is read there.
        "init_format": "none",
        "devices": list(board["imager"]),
    }


def _read(place: Path) -> tuple[_Description, Manifest]:
    try:
        return (
            _Description.model_validate_json((place / _DESCRIPTION).read_bytes()),
            Manifest.model_validate_json((place / _MANIFEST).read_bytes()),
        )
    except (OSError, ValidationError) as error:
        raise BuilderError(
            f"{place} has no image of this builder: {error}", hint="make it again with 'builder make --target image'"
        ) from error


def to_text(listed: dict[str, Json]) -> str:
    """The file's content."""
    return json.dumps(listed, indent=2)
