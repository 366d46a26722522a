"""The files of a checkout that a recipe lays over packages."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from builder.core.errors import RecipeError
from builder.core.nearest import suggestion
from builder.plan.inputs import KERNEL_NEEDS, LaidFiles
from builder.recipe.keypath import KeyPath
from builder.recipe.load import DEFAULT_ORIGIN, LoadedRecipe
from builder.recipe.rootfs import Rootfs
from builder.rootfs.customize.overlays import scan_overlays
from builder.steps.source import SourceFile, read_source

_SLIM = "slim"


def laid_files(loaded: LoadedRecipe) -> LaidFiles:
    """Everything that the recipe lays over packages; `RecipeError` for all that is not there, or cannot be laid."""
    section = loaded.recipe.rootfs
    if section is None:
        return LaidFiles()
    needs = loaded.recipe.cluster.device.kernel_needs
    missing = [*_missing(loaded, section), *_missing_profiles(loaded, section)]
    if needs is not None and not needs.is_file():
        where = loaded.origin("cluster.device.kernel_needs")
        missing.append(f"{where}: there is no file {loaded.shown(needs)}")
    if missing:
        raise RecipeError("what the recipe names is not there", details=missing)
    scanned = scan_overlays({name: overlay.directory for name, overlay in section.overlays.items()}, loaded.cwd)
    places = {
        entry.source: one.files[path] for one in scanned.values() for path, entry in one.entries.items() if entry.source
    }
    places |= {f"files{path}": place for path, place in _single_files(section).items()}
    places |= _profiles(section)
    places |= {KERNEL_NEEDS: needs} if needs is not None else {}
    return LaidFiles(overlays={name: one.entries for name, one in scanned.items()}, sources=_read(places))


def _single_files(section: Rootfs) -> Mapping[str, Path]:
    """The files that are copied or rendered to a path on the device."""
    found = {path: file.template or file.source for path, file in section.files.items()}
    return {path: place for path, place in found.items() if place is not None}


def _profiles(section: Rootfs) -> Mapping[str, Path]:
    """The files of the profiles in all directories that have them; later ones add to earlier ones."""
    return {
        f"{_SLIM}/{number}/{name}.yaml": directory / _SLIM / f"{name}.yaml"
        for name in section.slim
        for number, directory in enumerate(section.knowledge)
        if (directory / _SLIM / f"{name}.yaml").is_file()
    }


def _missing(loaded: LoadedRecipe, section: Rootfs) -> Iterator[str]:
    for name, overlay in section.overlays.items():
        if not overlay.directory.is_dir():
            where = _origin(loaded, ("rootfs", "overlays", name, "directory"))
            yield f"{where}: there is no directory {loaded.shown(overlay.directory)}"
    for path, place in _single_files(section).items():
        if not place.is_file() or not os.access(place, os.R_OK):
            key = "template" if section.files[path].template else "source"
            where = _origin(loaded, ("rootfs", "files", path, key))
            yield f"{where}: there is no file {loaded.shown(place)}"


def _missing_profiles(loaded: LoadedRecipe, section: Rootfs) -> Iterator[str]:
    known = sorted({path.stem for directory in section.knowledge for path in (directory / _SLIM).glob("*.yaml")})
    for number, name in enumerate(section.slim):
        if name not in known:
            where = _origin(loaded, ("rootfs", "slim", number))
            yield f"{where}: there is no slim profile {name!r}{suggestion(name, 'known', known)}"


def _origin(loaded: LoadedRecipe, path: KeyPath) -> str:
    place = loaded.place(path)
    return str(place) if place else DEFAULT_ORIGIN


def _read(places: Mapping[str, Path]) -> dict[str, SourceFile]:
    try:
        return {name: read_source(path) for name, path in sorted(places.items())}
    except OSError as error:
        raise RecipeError(
            f"{error.filename}: {error.strerror}", hint="is this checkout complete and readable?"
        ) from None
