"""The files of a checkout that shape root file systems."""

from collections.abc import Mapping
from pathlib import Path

from builder.core.arch import Arch
from builder.core.errors import RecipeError
from builder.recipe.load import LoadedRecipe
from builder.recipe.lockfile import Lock
from builder.rootfs.knowledge.files import knowledge_files
from builder.steps.source import SourceFile, read_source


def knowledge_sources(loaded: LoadedRecipe, lock: Lock) -> dict[Arch, Mapping[str, SourceFile]]:
    """For each architecture the files that say what its packages' scripts do; others could not change the result."""
    section = loaded.recipe.rootfs
    if section is None or lock.debian is None:
        return {}
    _require_directories(loaded, section.knowledge)
    read: dict[Path, SourceFile] = {}

    def source(path: Path) -> SourceFile:
        return read.setdefault(path, read_source(path)) if path not in read else read[path]

    return {
        arch: {
            name: source(path)
            for name, path in knowledge_files(section.knowledge, {pin.name for pin in locked.packages}).items()
        }
        for arch, locked in lock.debian.rootfs.items()
    }


def _require_directories(loaded: LoadedRecipe, directories: tuple[Path, ...]) -> None:
    missing = [
        f"{loaded.origin(f'rootfs.knowledge[{number}]')}: there is no directory {loaded.shown(path)}"
        for number, path in enumerate(directories)
        if not path.is_dir()
    ]
    if missing:
        raise RecipeError("what the recipe names is not there", details=missing)
