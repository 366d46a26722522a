"""Manifests as builds leave them beside images."""

from collections.abc import Sequence
from pathlib import Path

from builder.app.manifest import Manifest, ManifestArtifact, ManifestInputs
from builder.core.arch import Arch
from builder.core.digest import Digest


def describe(image: Path, tags: Sequence[str] = ()) -> None:
    """Write the manifest beside `image`, which is for the board that its directory is called like."""
    made = ManifestArtifact(path=image.name, digest=Digest.of_file(image), size_bytes=0, step="s", checked=())
    recipe = {"boards": {image.parent.name: {}}, "cluster": {"tags": list(tags)}}
    inputs = ManifestInputs(recipe=recipe, epoch_s=0, sources={}, modules=(), tools={})
    manifest = Manifest(builder="0", name="edge", arch=Arch.AMD64, artifacts=(made,), inputs=inputs, steps=(), times={})
    image.with_name("manifest.json").write_bytes(manifest.to_bytes())
