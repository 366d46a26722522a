"""Renders a resolved recipe as YAML. Equal recipes give equal bytes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from builder.core.digest import Json
from builder.recipe.keypath import KeyPath, format_key_path

# Where origins stand, unless the line is longer.
_COMMENT_COLUMN = 56
# Text that every reader of YAML takes for the same text without quotes: letters first, or a version of three numbers.
_SAFE = re.compile(
    r"(?:\./)?[A-Za-z][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*|[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*|[0-9]+ [KMGT]iB"
)
_READ_AS_OTHER = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_INDENT = "  "


def render_yaml(values: Mapping[str, Json], origins: Mapping[str, str]) -> str:
    """`values` as YAML; each line whose key path is in `origins` ends with it in a comment."""
    return "".join(f"{line}\n" for line in _mapping(values, (), "", origins))


def _mapping(values: Mapping[str, Json], path: KeyPath, indent: str, origins: Mapping[str, str]) -> Iterator[str]:
    for key, value in values.items():
        yield from _lines(f"{indent}{_text(key)}:", value, (*path, key), indent + _INDENT, origins)


def _lines(head: str, value: Json, path: KeyPath, indent: str, origins: Mapping[str, str]) -> Iterator[str]:
    """The lines of `value` behind `head`, which ends with the key's colon or the item's dash."""
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, path, indent, origins)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield head
        for index, item in enumerate(value):
            yield from _lines(f"{indent}-", item, (*path, index), indent + _INDENT, origins)
    else:
        line = f"{head} {_scalar(value)}"
        origin = origins.get(format_key_path(path))
        yield f"{line:<{_COMMENT_COLUMN - 2}}  # {origin}" if origin else line


def _scalar(value: Json) -> str:
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    if _SAFE.fullmatch(text) and text.lower() not in _READ_AS_OTHER:
        return text
    # Every JSON string is a double-quoted YAML scalar.
    return json.dumps(text, ensure_ascii=False)
