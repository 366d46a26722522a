"""Moving the pins of images: what references mean in their registries now."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from builder.app.session import Session
from builder.core.arch import Arch
from builder.core.errors import BuilderError, RecipeError
from builder.oci.daemon import Daemon
from builder.oci.documents import Blob
from builder.oci.pulled import choose_manifest, is_index, read_manifest, read_object, require_platform
from builder.oci.ready import ReadyImage
from builder.oci.reference import Reference
from builder.oci.registry.client import Registries, Work
from builder.recipe.images import Pull
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import LockedBlob, LockedImage

Locked = dict[str, dict[Arch, LockedImage]]
PinT = TypeVar("PinT")


def lock_images(
    session: Session, loaded: LoadedRecipe, known: Mapping[str, dict[Arch, LockedImage]], *, anew: bool
) -> Locked:
    """The pins of all images that the recipe pulls; those in `known` stay as they are unless `anew`.

    `RecipeError` tells all that cannot be had.
    """
    with session.bench("lock-images") as (runner, scratch):
        resolving = _Resolving(
            registries=session.network.registries.get(), work=Work(runner=runner, pause=time.sleep), scratch=scratch
        )
        return _all_of(loaded, Pull.REGISTRY, {} if anew else known, resolving.image)


def lock_daemon_images(
    session: Session, loaded: LoadedRecipe, known: Mapping[str, dict[Arch, str]], *, anew: bool
) -> dict[str, dict[Arch, str]]:
    """The same for the images of a Docker daemon, each by the digest of its config."""
    daemon = Daemon(environment=session.network.environment)

    def resolve(reference: str, arch: Arch) -> str:
        with session.bench("lock-daemon") as (_, scratch):
            daemon.save(reference, scratch / "image.tar")
            return ReadyImage(reference=reference, arch=arch).config_digest(scratch / "image.tar")

    return _all_of(loaded, Pull.DAEMON, {} if anew else known, resolve)


def _all_of(
    loaded: LoadedRecipe, pull: Pull, known: Mapping[str, dict[Arch, PinT]], resolve: Callable[[str, Arch], PinT]
) -> dict[str, dict[Arch, PinT]]:
    """The pins of all images that are come by as `pull` says, as they are `known` or as `resolve` finds them."""
    wanted = {image.reference: name for name, image in loaded.recipe.images.items() if image.pull is pull}
    locked: dict[str, dict[Arch, PinT]] = {}
    problems: list[str] = []
    hints: dict[str, None] = {}
    for reference, name in wanted.items():
        have = known.get(reference, {})
        try:
            locked[reference] = {
                arch: have.get(arch) or resolve(reference, arch) for arch in loaded.recipe.architectures
            }
        except BuilderError as error:
            problems += [
                f"{loaded.origin(f'images.{name}.reference')}: {error.brief}",
                *(f"  {line}" for line in error.details),
            ]
            hints[error.hint] = None
    if problems:
        raise RecipeError("not all images that the recipe pulls can be had", details=problems, hint="; ".join(hints))
    return locked


@dataclass(slots=True, kw_only=True)
class _Resolving:
    registries: Registries
    work: Work
    scratch: Path
    _documents: dict[str, bytes] = field(default_factory=dict)

    def image(self, text: str, arch: Arch) -> LockedImage:
        reference = Reference.parse(text)
        document = self._manifest(reference)
        digest = reference.digest
        if is_index(read_object(document, text)):
            blob = choose_manifest(read_object(document, text), arch, text)
            digest = blob.digest
            document = self._manifest(Reference(host=reference.host, path=reference.path, digest=digest))
        manifest = read_manifest(document, text)
        require_platform(self._config(reference, manifest.config), arch, text)
        return LockedImage(
            media_type=manifest.media_type,
            manifest=_locked(Blob.of(manifest.media_type, document)),
            config=_locked(manifest.config),
            layers=tuple(_locked(layer) for layer in manifest.layers),
        )

    def _manifest(self, reference: Reference) -> bytes:
        """A manifest or an index; each is asked for once, so that all architectures are of one tag's moment."""
        name = str(reference)
        if name not in self._documents:
            target = self.scratch / f"manifest-{len(self._documents)}"
            self.registries.fetch_manifest(reference, target, self.work)
            self._documents[name] = target.read_bytes()
        return self._documents[name]

    def _config(self, reference: Reference, blob: Blob) -> bytes:
        target = self.scratch / f"config-{blob.digest.hex}"
        if not target.exists():
            self.registries.fetch_blob(reference, blob, target, self.work)
        return target.read_bytes()


def _locked(blob: Blob) -> LockedBlob:
    return LockedBlob(digest=blob.digest, size_bytes=blob.size_bytes)
