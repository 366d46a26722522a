"""`--set key.path=value`: values from the command line, laid over the recipe's files."""

from collections.abc import Iterable
from pathlib import Path

from builder.formats.yaml_source import parse_document
from builder.formats.yaml_tree import (
    Document,
    Entry,
    ListNode,
    MapNode,
    Node,
    Place,
    Problem,
    ScalarNode,
    Source,
)
from builder.recipe.keypath import KeyPath, KeyPathError, format_key_path, parse_key_path
from builder.recipe.merge import EXTENDS, overlay

_SHOWN_LENGTH = 120


class _MisfitError(ValueError):
    """The key path does not fit the recipe."""


def apply_overrides(root: MapNode, overrides: Iterable[str], cwd: Path) -> tuple[MapNode, list[Problem]]:
    """`root` with each of `overrides` (`key.path=value`) laid over it, and what was wrong with them.

    A value is YAML on one line, such as `2`, `true`, `[armv7]` or `{cores: 2}`; relative paths in it start at `cwd`.
    """
    problems: list[Problem] = []
    for text in overrides:
        place = Place(source=Source(name=_shown(text), base=cwd))
        try:
            path, value = _parse(text, place, problems)
            if value is not None:
                changed = _put(root, path, value, 0)
                root = changed if isinstance(changed, MapNode) else root
        except (KeyPathError, _MisfitError) as error:
            problems.append(Problem(place=place, message=str(error)))
    return root, problems


def _shown(text: str) -> str:
    safe = "".join(character if character.isprintable() else "?" for character in text)
    return f"--set {safe if len(safe) <= _SHOWN_LENGTH else f'{safe[:_SHOWN_LENGTH]}...'}"


def _parse(text: str, place: Place, problems: list[Problem]) -> tuple[KeyPath, Node | None]:
    key, equals, value = text.partition("=")
    # A quoted key may hold a '='.
    while key.count('"') % 2 and "=" in value:
        more, _, value = value.partition("=")
        key = f"{key}={more}"
    if not equals:
        raise _MisfitError("has no value; write key=value")
    path = parse_key_path(key.strip())
    if path[0] == EXTENDS:
        raise _MisfitError(f"'{EXTENDS}' belongs into a file")
    if not value.strip():
        raise _MisfitError("has no value; write '' for empty text and null to drop what is inherited")
    document = _value(value, place)
    problems += (Problem(place=place, message=problem.message) for problem in document.problems)
    return path, None if document.root is None else _moved(document.root, place)


def _value(text: str, place: Place) -> Document:
    try:
        return parse_document(text.encode(), place.source)
    except UnicodeEncodeError:
        problem = Problem(place=place, message="the value is not UTF-8")
        return Document(source=place.source, root=None, problems=(problem,))


def _moved(node: Node, place: Place) -> Node:
    """`node` with `place` for all of its places: lines and columns mean nothing on the command line."""
    if isinstance(node, MapNode):
        entries = {key: Entry(key_place=place, value=_moved(entry.value, place)) for key, entry in node.entries.items()}
        return MapNode(place=place, entries=entries)
    if isinstance(node, ListNode):
        return ListNode(place=place, items=tuple(_moved(item, place) for item in node.items))
    if isinstance(node, ScalarNode):
        return ScalarNode(place=place, value=node.value, text=node.text, plain=node.plain)
    return node


def _put(node: Node | None, path: KeyPath, value: Node, depth: int) -> Node:
    """`node`, the part of the recipe at `path[:depth]`, with `value` laid over what is at `path`."""
    if depth == len(path):
        return overlay(node, value)
    segment, here = path[depth], format_key_path(path[:depth])
    if isinstance(segment, int):
        if not isinstance(node, ListNode):
            raise _MisfitError(f"{here or 'the recipe'} is not a list, so it has no item {segment}")
        if segment >= len(node.items):
            raise _MisfitError(f"{here} has no item {segment}; it has {len(node.items)}, counted from 0")
        changed = _put(node.items[segment], path, value, depth + 1)
        return ListNode(place=node.place, items=(*node.items[:segment], changed, *node.items[segment + 1 :]))
    if isinstance(node, ListNode):
        raise _MisfitError(f"{here} is a list; name one of its items, such as {here}[0]")
    if isinstance(node, ScalarNode) and node.value is not None:
        raise _MisfitError(f"{here} is a single value and has no key {segment!r}")
    entries = dict(node.entries) if isinstance(node, MapNode) else {}
    below = entries.get(segment)
    entries[segment] = Entry(key_place=value.place, value=_put(below.value if below else None, path, value, depth + 1))
    return MapNode(place=node.place if isinstance(node, MapNode) else value.place, entries=entries)
