"""What must hold between values of the sections image and boards."""

from collections.abc import Iterator

from builder.core.arch import Arch
from builder.core.nearest import suggestion
from builder.core.output import Output
from builder.formats.yaml_tree import MapNode, Problem, ScalarNode
from builder.recipe.keypath import KeyPath, format_key_path
from builder.recipe.lookup import entries_of, is_there, items_of, mapping_at, names_of, value_at

_CONTENTS = ("package", "device_tree", "content", "script")


def image_mistakes(root: MapNode) -> Iterator[Problem]:
    """The problems of the images of `root` that no single value shows."""
    boards = mapping_at(root, "boards")
    yield from _missing_sections(root)
    yield from _wrong_boards(root, boards)
    for name in names_of(boards):
        yield from _wrong_files(mapping_at(mapping_at(boards, name), "files"), ("boards", name, "files"))


def _missing_sections(root: MapNode) -> Iterator[Problem]:
    outputs = {node.text: node for node in items_of(root, "outputs")}
    output = outputs.get(Output.IMAGE)
    if output is None:
        if update := outputs.get(Output.UPDATE):
            yield Problem(place=update.place, message="outputs: update needs image beside it")
        return
    if not is_there(value_at(root, "image")):
        yield Problem(place=output.place, message="outputs: images need the section image, which is missing")
        return
    named = mapping_at(mapping_at(root, "image"), "boards")
    for node in items_of(root, "architectures"):
        if node.text in set(Arch) and node.text not in names_of(named):
            message = f"architectures: {node.text} has no image: image.boards.{node.text} is missing"
            yield Problem(place=node.place, message=message)


def _wrong_boards(root: MapNode, boards: MapNode | None) -> Iterator[Problem]:
    named = mapping_at(mapping_at(root, "image"), "boards")
    for arch in names_of(named):
        for index, node in enumerate(items_of(named, arch) if named else ()):
            where = format_key_path(("image", "boards", arch, index))
            if node.text not in names_of(boards):
                what = f"unknown board {node.text!r}{suggestion(node.text, 'known', names_of(boards))}"
                yield Problem(place=node.place, message=f"{where}: {what}")
                continue
            own = value_at(mapping_at(boards, node.text), "architecture")
            if isinstance(own, ScalarNode) and own.text != arch:
                yield Problem(place=node.place, message=f"{where}: the board {node.text} is of {own.text}, not {arch}")


def _wrong_files(files: MapNode | None, path: KeyPath) -> Iterator[Problem]:
    """Files with no content, or with several."""
    for target in names_of(files):
        file = mapping_at(files, target)
        given = [key for key in _CONTENTS if is_there(value_at(file, key))]
        where = format_key_path((*path, target))
        if file is not None and len(given) != 1:
            message = (
                f"only one of {', '.join(given)} can be given" if given else f"needs one of {', '.join(_CONTENTS)}"
            )
            yield Problem(place=entries_of(files)[target].key_place, message=f"{where}: {message}")
        elif file is not None and is_there(value_at(file, "file")) is not (given == ["package"]):
            message = "package and file belong together: the package, and the path in it"
            yield Problem(place=entries_of(files)[target].key_place, message=f"{where}: {message}")
