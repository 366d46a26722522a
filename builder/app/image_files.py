"""The files of a checkout that images are made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.core.errors import RecipeError
from builder.formats.gomod import read_module
from builder.gobuild.imports import files_of_package
from builder.oci.workloads import manifest_files
from builder.plan.inputs import ImageFiles
from builder.recipe.images import ImageFile, ImageLayer
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.load import LoadedRecipe
from builder.steps.kinds.pulled import LAYOUT_SOURCE
from builder.steps.source import SourceFile, read_source

_PINS = ("go.mod", "go.sum")


def image_files(loaded: LoadedRecipe, module: Mapping[str, SourceFile]) -> ImageFiles:
    """Everything on this machine that images of the recipe are made of; `RecipeError` for all that is not there.

    `module` are the files of the cluster's Go module.
    """
    reading = _Reading(loaded=loaded)
    layers: dict[tuple[str, str], Mapping[str, SourceFile]] = {}
    c: dict[tuple[str, str, str], Mapping[str, SourceFile]] = {}
    go: dict[tuple[str, str, str], Mapping[str, SourceFile]] = {}
    for name, title, layer in _layers(loaded):
        layers[name, title] = reading.layer((name, title), layer)
        for path, file in layer.files.items():
            if file.c:
                c[name, title, path] = reading.c_files((name, title, path), file)
            if file.go and module:
                go[name, title, path] = go_files(file.go.package, module)
    archives = {
        name: reading.archive(name, image.archive) for name, image in loaded.recipe.images.items() if image.archive
    }
    manifests = reading.manifests()
    reading.finish()
    return ImageFiles(layers=layers, c=c, go=go, archives=archives, manifests=manifests)


def _layers(loaded: LoadedRecipe) -> Iterator[tuple[str, str, ImageLayer]]:
    for name, image in loaded.recipe.images.items():
        yield from ((name, title, layer) for title, layer in (image.layers or {}).items())


@dataclass(slots=True, kw_only=True)
class _Reading:
    """Reads files, and gathers those that cannot be read."""

    loaded: LoadedRecipe
    missing: list[str] = field(default_factory=list)

    def layer(self, place: tuple[str, str], layer: ImageLayer) -> dict[str, SourceFile]:
        """The files of `layer` by their path in the image, without a slash in front."""
        name, title = place
        path: KeyPath = ("images", name, "layers", title)
        found: dict[str, SourceFile] = {}
        for target, file in layer.files.items():
            if file.source:
                self._read(found, target.lstrip("/"), file.source, (*path, "files", target, "source"))
        for target, directory in layer.directories.items():
            key = (*path, "directories", target)
            if not directory.is_dir():
                self._miss(key, f"there is no directory {self.loaded.shown(directory)}")
                continue
            for inner in sorted(one for one in directory.rglob("*") if one.is_file()):
                relative = f"{target.lstrip('/')}/{inner.relative_to(directory)}"
                if relative not in found:
                    self._read(found, relative, inner, key)
        return found

    def c_files(self, place: tuple[str, str, str], file: ImageFile) -> dict[str, SourceFile]:
        """The C files of a program by their names."""
        name, title, target = place
        found: dict[str, SourceFile] = {}
        for number, path in enumerate(file.c or ()):
            key = ("images", name, "layers", title, "files", target, "c", number)
            if path.name in found:
                self._miss(key, f"another file of the program is called {path.name}")
            self._read(found, path.name, path, key)
        return found

    def archive(self, name: str, path: Path) -> dict[str, SourceFile]:
        """The file at `path`, or the files of the image layout in the directory there."""
        found: dict[str, SourceFile] = {}
        if not path.is_dir():
            self._read(found, path.name, path, ("images", name, "archive"))
            return found
        for file in sorted(one for one in path.rglob("*") if one.is_file()):
            self._read(found, f"{LAYOUT_SOURCE}/{file.relative_to(path)}", file, ("images", name, "archive"))
        return found

    def manifests(self) -> dict[str, SourceFile]:
        """The manifests that a bundle is compared with, and the configuration, by name."""
        bundle = self.loaded.recipe.bundle
        places: dict[KeyPath, Path] = {("bundle", "manifests", n): path for n, path in enumerate(bundle.manifests)}
        if bundle.config:
            places["bundle", "config"] = bundle.config
        found: dict[str, SourceFile] = {}
        for key, path in places.items():
            for number, file in enumerate(manifest_files(path)):
                self._read(found, f"{'/'.join(map(str, key))}/{number}-{file.name}", file, key)
        return found

    def finish(self) -> None:
        """Raise where anything is missing."""
        if self.missing:
            raise RecipeError("what images are made of is not there", details=self.missing)

    def _read(self, found: dict[str, SourceFile], name: str, path: Path, key: KeyPath) -> None:
        try:
            found[name] = read_source(path)
        except OSError as error:
            self._miss(key, f"{self.loaded.shown(path)}: {error.strerror}")

    def _miss(self, key: KeyPath, what: str) -> None:
        written = format_key_path(key)
        self.missing.append(f"{self.loaded.origin(written)}: {written}: {what}")


def go_files(package: str, module: Mapping[str, SourceFile]) -> dict[str, SourceFile]:
    """The files of `module` that its `package`, or one of a required module, is compiled from, and the pins."""
    path = read_module(module["go.mod"].path)
    places = {name: file.path for name, file in module.items()}
    return {name: module[name] for name in _PINS} | files_of_package(package, path, module, places)
