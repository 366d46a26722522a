"""The files of a checkout that shape root file systems."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.debian.pins import PinnedFile
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import Lock
from builder.recipe.packages import takes_for_layers
from builder.rootfs.knowledge.files import knowledge_files
from builder.steps.source import SourceFile, read_source


def knowledge_sources(loaded: LoadedRecipe, lock: Lock) -> dict[Arch, Mapping[str, SourceFile]]:
    """For each architecture the files that say what its packages' scripts do; others could not change the result."""
    if loaded.recipe.rootfs is None or lock.debian is None:
        return {}
    reading = _Reading(loaded=loaded, directories=loaded.recipe.rootfs.knowledge)
    return {arch: reading.of(locked.packages) for arch, locked in lock.debian.rootfs.items()}


def layer_knowledge(loaded: LoadedRecipe, lock: Lock) -> dict[tuple[Arch, str], Mapping[str, SourceFile]]:
    """The same for the packages of each layer of an image, by architecture and `IMAGE/LAYER`."""
    if lock.debian is None or not takes_for_layers(loaded.recipe):
        return {}
    reading = _Reading(loaded=loaded, directories=loaded.recipe.rootfs.knowledge if loaded.recipe.rootfs else ())
    return {
        (arch, name): reading.of(locked.packages)
        for arch, layers in lock.debian.layers.items()
        for name, locked in layers.items()
    }


class _Reading:
    """Reads files of knowledge, each once."""

    def __init__(self, loaded: LoadedRecipe, directories: tuple[Path, ...]) -> None:
        _require_directories(loaded, directories)
        self._directories = directories
        self._read: dict[Path, SourceFile] = {}

    def of(self, packages: Iterable[PinnedFile]) -> dict[str, SourceFile]:
        """The files about `packages`, by name."""
        files = knowledge_files(self._directories, {pin.name for pin in packages})
        return {name: self._source(path) for name, path in files.items()}

    def _source(self, path: Path) -> SourceFile:
        if path not in self._read:
            self._read[path] = read_source(path)
        return self._read[path]


def _require_directories(loaded: LoadedRecipe, directories: tuple[Path, ...]) -> None:
    missing = [
        f"{loaded.origin(f'rootfs.knowledge[{number}]')}: there is no directory {loaded.shown(path)}"
        for number, path in enumerate(directories)
        if not path.is_dir()
    ]
    if missing:
        raise RecipeError("what the recipe names is not there", details=missing)
