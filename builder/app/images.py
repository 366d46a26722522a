"""Images that were made: where they lie, and the manifest that tells of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from builder.core.errors import RecipeError

if TYPE_CHECKING:
    from builder.app.manifest import Manifest

# What needs no unpacking comes first.
ANY_IMAGE = (".img", ".qcow2", ".img.zst", ".img.xz")
_MANIFEST = "manifest.json"


def find_image(where: Path, suffixes: Sequence[str] = ANY_IMAGE) -> Path:
    """The image that `where` is, or that lies below it; the first of `suffixes` that a directory has."""
    if where.is_file():
        return where
    if not where.exists():
        raise RecipeError(f"there is no {where}", hint="'builder make --target image' makes images, in out/RECIPE/ARCH")
    found: dict[Path, Path] = {}
    for suffix in reversed(suffixes):
        found |= {path.parent: path for path in where.rglob(f"*{suffix}") if path.is_file()}
    images = sorted(found.values())
    if not images:
        raise RecipeError(f"there is no image below {where}", hint="'builder make --target image' makes one")
    if len(images) > 1:
        raise RecipeError(
            f"there are {len(images)} images below {where}", details=[str(image) for image in images], hint="name one"
        )
    return images[0]


def read_manifest(image: Path) -> "Manifest | None":
    """The manifest beside `image` that names it; None where there is none."""
    try:
        data = (image.parent / _MANIFEST).read_bytes()
    except OSError:
        return None
    from pydantic import ValidationError  # noqa: PLC0415 - where there is no manifest, importing its model is most of the time

    from builder.app.manifest import Manifest  # noqa: PLC0415

    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError:
        return None
    return manifest if image.name in {artifact.path for artifact in manifest.artifacts} else None
