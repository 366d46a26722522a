"""What must hold between values of the section rootfs."""

from collections.abc import Iterator

from builder.formats.yaml_tree import MapNode, Problem
from builder.recipe.keypath import format_key_path
from builder.recipe.lookup import entries_of, is_there, mapping_at, names_of, value_at

_CONTENTS = ("content", "template", "source")
# What templates know besides, and words that mean something else to jinja2.
_GIVEN = ("arch", "recipe")
_WORDS = ("and", "else", "false", "if", "in", "is", "none", "not", "or", "true")
_FUNCTIONS = ("cycler", "dict", "joiner", "loop", "namespace", "range", "self")


def rootfs_mistakes(section: MapNode | None) -> Iterator[Problem]:
    """The problems of `section` that no single value shows."""
    yield from _wrong_files(mapping_at(section, "files"))
    yield from _taken_names(mapping_at(section, "variables"))


def _wrong_files(files: MapNode | None) -> Iterator[Problem]:
    """Files with no content, or with several."""
    for path in names_of(files):
        file = mapping_at(files, path)
        given = [key for key in _CONTENTS if is_there(value_at(file, key))]
        if file is not None and len(given) != 1:
            what = f"only one of {', '.join(given)} can be given" if given else "needs content, template or source"
            where = format_key_path(("rootfs", "files", path))
            yield Problem(place=entries_of(files)[path].key_place, message=f"{where}: {what}")


def _taken_names(variables: MapNode | None) -> Iterator[Problem]:
    for name in names_of(variables):
        if name in (*_GIVEN, *_WORDS, *_FUNCTIONS):
            why = "templates know it already" if name in _GIVEN else "it is a word of jinja2's own"
            message = f"{format_key_path(('rootfs', 'variables', name))}: {why}; choose another name"
            yield Problem(place=entries_of(variables)[name].key_place, message=message)
