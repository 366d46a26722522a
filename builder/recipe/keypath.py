"""Key paths: how people name a value inside a recipe.

Keys are joined by dots, list items numbered from 0 in brackets: `cluster.components.containerd.version`,
`architectures[0]`. A key that is more than letters, digits, '_' and '-' stands in double quotes:
`cluster.variables."k8s.io/component-base/version.gitMajor"`.
"""

import json
import re
from collections.abc import Sequence
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SEGMENT = re.compile(
    r'(?P<dot>\.?)(?:(?P<bare>[A-Za-z0-9_-]+)|(?P<quoted>"(?:[^"\\]|\\.)*")|\[(?P<index>[0-9]{1,6})\])'
)


class KeyPathError(ValueError):
    """The text is not a key path; the message says why."""


def format_key_path(path: Sequence[str | int]) -> str:
    """`path` as people write it; empty for the recipe as a whole."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        else:
            shown = segment if _BARE.fullmatch(segment) else json.dumps(segment, ensure_ascii=False)
            text += f".{shown}" if text else shown
    return text


def parse_key_path(text: str) -> KeyPath:
    """The key path that `text` writes; `KeyPathError` where it writes none."""
    path: list[str | int] = []
    position = 0
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None or bool(match["dot"]) != bool(path and match["index"] is None):
            raise KeyPathError(f"cannot read the key at {text[position:]!r}; write it as in {_EXAMPLE}")
        path.append(_segment(match))
        position = match.end()
    if not path:
        raise KeyPathError("names no key")
    return tuple(path)


_EXAMPLE = 'cluster.version, architectures[0] or cluster.variables."a.b/c.D"'


def _segment(match: re.Match[str]) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["quoted"] is None:
        return match["bare"]
    try:
        return str(json.loads(match["quoted"]))
    except json.JSONDecodeError:
        raise KeyPathError(f"unknown escape in {match['quoted']}") from None
