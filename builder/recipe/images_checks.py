"""What must hold between values of the section images."""

from collections.abc import Iterator

from builder.core.nearest import suggestion
from builder.core.output import Output
from builder.formats.yaml_tree import MapNode, Problem, ScalarNode
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.lookup import entries_of, is_there, items_of, mapping_at, names_of, value_at

_ORIGINS = ("layers", "pull", "archive")
_CONTENTS = ("built", "go", "c", "source", "content", "link", "directory")
# What a ready-made image brings itself.
_SETTINGS = ("entrypoint", "command", "user", "environment", "working_dir", "ports", "labels")


def images_mistakes(root: MapNode) -> Iterator[Problem]:
    """The problems of the images of `root` that no single value shows."""
    images = mapping_at(root, "images")
    yield from _missing_images(root, images)
    yield from _useless_embedding(root, images)
    yield from _taken_references(images)
    for name in names_of(images):
        image = mapping_at(images, name)
        if image is None:
            continue
        path: KeyPath = ("images", name)
        given = [key for key in _ORIGINS if is_there(value_at(image, key))]
        if len(given) != 1:
            message = f"only one of {', '.join(given)} can be given" if given else "needs layers, pull or archive"
            yield Problem(place=entries_of(images)[name].key_place, message=f"{format_key_path(path)}: {message}")
        elif given != ["layers"]:
            yield from _useless_settings(image, path)
        layers = mapping_at(image, "layers")
        for title in names_of(layers):
            yield from _wrong_packages(root, mapping_at(layers, title), (*path, "layers", title))
            files = mapping_at(mapping_at(layers, title), "files")
            yield from _wrong_files(root, files, (*path, "layers", title, "files"))


def _missing_images(root: MapNode, images: MapNode | None) -> Iterator[Problem]:
    output = next((node for node in items_of(root, "outputs") if node.text == Output.BUNDLE), None)
    if output is not None and not names_of(images):
        yield Problem(place=output.place, message="outputs: a bundle needs images, and the section images has none")


def _useless_embedding(root: MapNode, images: MapNode | None) -> Iterator[Problem]:
    node = value_at(mapping_at(root, "bundle"), "embedded")
    if not isinstance(node, ScalarNode) or node.text != "true":
        return
    if not names_of(images):
        yield Problem(place=node.place, message="bundle.embedded: needs images, and the section images has none")
    if is_there(value_at(mapping_at(root, "cluster"), "executables")):
        message = "bundle.embedded: the cluster executable is imported; only one that is built here looks behind itself"
        yield Problem(place=node.place, message=message)


def _taken_references(images: MapNode | None) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name in names_of(images):
        node = value_at(mapping_at(images, name), "reference")
        if isinstance(node, ScalarNode):
            owner = seen.setdefault(node.text, name)
            if owner != name:
                where = format_key_path(("images", name, "reference"))
                yield Problem(place=node.place, message=f"{where}: {node.text} is what {owner} is called already")


def _useless_settings(image: MapNode, path: KeyPath) -> Iterator[Problem]:
    for key in _SETTINGS:
        if is_there(value_at(image, key)):
            message = f"{format_key_path((*path, key))}: a ready-made image brings its own; only layers are given one"
            yield Problem(place=entries_of(image)[key].key_place, message=message)


def _wrong_packages(root: MapNode, layer: MapNode | None, path: KeyPath) -> Iterator[Problem]:
    """Packages and what is kept of them are given together, in a recipe that says where packages come from."""
    packages, keep = (list(items_of(layer, key)) for key in ("packages", "keep")) if layer else ([], [])
    where = format_key_path(path)
    if bool(packages) != bool(keep):
        given, missing = ("packages", "keep") if packages else ("keep", "packages")
        yield Problem(place=(packages or keep)[0].place, message=f"{where}.{given}: needs {missing} beside it")
    if not packages:
        return
    tools, knowledge = value_at(mapping_at(root, "debian"), "tools"), value_at(mapping_at(root, "rootfs"), "knowledge")
    if not is_there(tools) or not is_there(knowledge):
        message = f"{where}.packages: needs debian.tools and rootfs.knowledge, as recipes/debian.yaml and debian/rootfs.yaml have"
        yield Problem(place=packages[0].place, message=message)


def _wrong_files(root: MapNode, files: MapNode | None, path: KeyPath) -> Iterator[Problem]:
    for target in names_of(files):
        file = mapping_at(files, target)
        if file is None:
            continue
        where = format_key_path((*path, target))
        given = [key for key in _CONTENTS if is_there(value_at(file, key))]
        if len(given) != 1:
            message = (
                f"only one of {', '.join(given)} can be given" if given else f"needs one of {', '.join(_CONTENTS)}"
            )
            yield Problem(place=entries_of(files)[target].key_place, message=f"{where}: {message}")
        built, known = value_at(file, "built"), _executables(root)
        if isinstance(built, ScalarNode) and built.text not in known:
            message = f"{where}.built: unknown executable {built.text!r}{suggestion(built.text, 'known', known)}"
            yield Problem(place=built.place, message=message)


def _executables(root: MapNode) -> list[str]:
    cluster = mapping_at(root, "cluster")
    name = value_at(cluster, "name")
    own = [name.text] if isinstance(name, ScalarNode) else []
    return sorted([*own, *names_of(mapping_at(cluster, "helpers"))])
