"""What a build is made from: a recipe, its lock, and the files that they name."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.app.boot_files import boot_files
from builder.app.image_files import go_files, image_files
from builder.app.laid_files import laid_files
from builder.app.rootfs_sources import knowledge_sources, layer_knowledge
from builder.core.arch import host_arch
from builder.core.errors import RecipeError
from builder.formats.gomod import read_module
from builder.gobuild.imports import files_of_package
from builder.plan.inputs import Inputs
from builder.recipe.cluster import BuiltCluster
from builder.recipe.load import LoadedRecipe, load_recipe
from builder.recipe.lockfile import Lock, find_lock, read_lock
from builder.recipe.match import lock_mismatches
from builder.recipe.section import Section
from builder.steps.source import SourceFile, read_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A loaded recipe with its lock: all that planning needs."""

    loaded: LoadedRecipe
    lock_file: Path
    lock: Lock
    inputs: Inputs

    @property
    def places(self) -> tuple[Path, ...]:
        """All files and directories that it was read from, whatever in them counts."""
        return places_of(self.loaded, self.lock_file, self.lock)


def places_of(loaded: LoadedRecipe, lock_file: Path, lock: Lock) -> tuple[Path, ...]:
    """All files and directories that a recipe and its lock name on this machine, and they themselves."""
    pins = (lock.modules.go_mod, lock.modules.go_sum) if lock.modules else ()
    return (*loaded.files, lock_file, *(lock_file.parent / pin for pin in pins), *_paths_in(loaded.recipe))


def open_workspace(recipe: Path, overrides: Sequence[str], *, lock_file: Path | None = None) -> Workspace:
    """Load the recipe, its lock and the digests of its sources; a lock that does not match is an error for each pin."""
    loaded = load_recipe(recipe, overrides)
    path = lock_file or find_lock(recipe, loaded.files)
    lock = read_lock(path)
    cluster = loaded.recipe.cluster
    if isinstance(cluster, BuiltCluster):
        require_source(loaded, cluster)
    mismatches = lock_mismatches(loaded, lock, path.parent)
    if mismatches:
        raise RecipeError(
            f"{loaded.shown(path)} does not match the recipe",
            details=mismatches,
            hint="if the recipe is right, run 'builder lock --update' and commit the new lock",
        )
    module: Mapping[str, SourceFile] = {}
    patches: tuple[SourceFile, ...] = ()
    if isinstance(cluster, BuiltCluster) and lock.modules:
        go_mod, go_sum = path.parent / lock.modules.go_mod, path.parent / lock.modules.go_sum
        module = module_sources(cluster.source, go_mod=go_mod, go_sum=go_sum)
        patches = _patch_files(loaded, cluster)
    inputs = Inputs(
        recipe=loaded.recipe,
        lock=lock,
        host=host_arch(),
        module=module,
        patches=patches,
        helpers=_helper_sources(cluster, module) if isinstance(cluster, BuiltCluster) else {},
        knowledge=knowledge_sources(loaded, lock),
        layer_knowledge=layer_knowledge(loaded, lock),
        laid=laid_files(loaded),
        image_files=image_files(loaded, module),
        boot_files=boot_files(loaded),
        programs=_programs(loaded, module) if module else {},
        origin=loaded.origin,
        shown=loaded.shown,
    )
    return Workspace(loaded=loaded, lock_file=path, lock=lock, inputs=inputs)


def require_source(loaded: LoadedRecipe, cluster: BuiltCluster) -> None:
    """Raise where `cluster`, that of the recipe, names a source that does not exist."""
    if not cluster.source.is_dir():
        raise RecipeError(
            f"{loaded.origin('cluster.source')}: there is no directory {loaded.shown(cluster.source)}",
            hint="cluster.source names the directory of the executable's Go module",
        )


def _paths_in(value: object) -> Iterator[Path]:
    """Every path in a part of a recipe, each of which is of this machine: those of devices are text."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Section):
        for _, inner in value:
            yield from _paths_in(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _paths_in(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _paths_in(inner)


def _patch_files(loaded: LoadedRecipe, cluster: BuiltCluster) -> tuple[SourceFile, ...]:
    missing = [
        f"{loaded.origin(f'cluster.patches[{index}].file')}: there is no file {loaded.shown(patch.file)}"
        for index, patch in enumerate(cluster.patches)
        if not patch.file.is_file()
    ]
    if missing:
        raise RecipeError("patches of the recipe are not there", details=missing, hint="a patch is a unified diff")
    return tuple(read_source(patch.file) for patch in cluster.patches)


def _helper_sources(cluster: BuiltCluster, module: Mapping[str, SourceFile]) -> dict[str, dict[str, SourceFile]]:
    """For each helper the pins, and the files that it is compiled from: a change elsewhere does not touch it."""
    pins = {name: module[name] for name in ("go.mod", "go.sum")}
    path = read_module(module["go.mod"].path)
    places = {name: file.path for name, file in module.items()}
    return {
        name: pins | files_of_package(helper.package, path, module, places) for name, helper in cluster.helpers.items()
    }


def _programs(loaded: LoadedRecipe, module: Mapping[str, SourceFile]) -> dict[str, dict[str, SourceFile]]:
    """For each program of disk images the files that it is compiled from."""
    image = loaded.recipe.image
    return {path: go_files(one.package, module) for path, one in image.programs.items()} if image else {}


def module_sources(source: Path, *, go_mod: Path, go_sum: Path) -> dict[str, SourceFile]:
    """The files of the Go module in `source` that shape a build, by their path in it, with the given go.mod and go.sum.

    Left out is what the Go command does not read either: tests, hidden files, nested modules, and documentation.
    """
    files = {"go.mod": go_mod, "go.sum": go_sum}
    for directory, names, found in os.walk(source):
        here = Path(directory)
        names[:] = sorted(name for name in names if _is_part(here / name))
        for name in found:
            if not name.startswith(".") and not name.endswith(("_test.go", ".md")):
                files.setdefault(str((here / name).relative_to(source)), here / name)
    try:
        return {name: read_source(path) for name, path in sorted(files.items())}
    except OSError as error:
        raise RecipeError(
            f"{error.filename}: {error.strerror}", hint="is this checkout complete and readable?"
        ) from None


def _is_part(directory: Path) -> bool:
    hidden = directory.name.startswith((".", "_")) or directory.name == "testdata"
    return not hidden and not (directory / "go.mod").exists()
