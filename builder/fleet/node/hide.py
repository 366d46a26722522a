"""What node.yaml says is told to nobody: its values may be secrets, and messages end in logs, on consoles and on cards."""

import re
from collections.abc import Iterator
from dataclasses import replace

from builder.formats.yaml_tree import ListNode, MapNode, Node, Problem, ScalarNode

# What keys of the format, labels and interfaces consist of. To YAML `passphrase:secret` is a key, too.
_KEY = re.compile(r"[A-Za-z0-9._/-]+")
_HIDDEN = "…"


def hidden(root: MapNode) -> MapNode:
    """`root` as errors may describe it: what kinds of values it has, not which."""
    return replace(
        root, entries={key: replace(entry, value=_hidden(entry.value)) for key, entry in root.entries.items()}
    )


def _hidden(node: Node) -> Node:
    if isinstance(node, MapNode):
        return hidden(node)
    if isinstance(node, ListNode):
        return replace(node, items=tuple(map(_hidden, node.items)))
    if isinstance(node, ScalarNode) and node.value is not None:
        return replace(node, text=_HIDDEN, value=_HIDDEN if isinstance(node.value, str) else node.value)
    return node


def without_odd_keys(root: MapNode) -> MapNode:
    """`root` without what `odd_keys` finds."""
    kept = {key: entry for key, entry in root.entries.items() if _KEY.fullmatch(key)}
    return replace(
        root, entries={key: replace(entry, value=_without_odd_keys(entry.value)) for key, entry in kept.items()}
    )


def _without_odd_keys(node: Node) -> Node:
    if isinstance(node, MapNode):
        return without_odd_keys(node)
    return replace(node, items=tuple(map(_without_odd_keys, node.items))) if isinstance(node, ListNode) else node


def odd_keys(node: Node) -> Iterator[Problem]:
    """Keys that have characters which no key has; they are told by their place alone."""
    if isinstance(node, MapNode):
        for key, entry in node.entries.items():
            if _KEY.fullmatch(key):
                yield from odd_keys(entry.value)
            else:
                yield Problem(place=entry.key_place, message="this is no key; write 'key: value', with a space between")
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from odd_keys(item)
