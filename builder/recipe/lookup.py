"""Looking into the tree of a recipe that may be wrong anywhere."""

from collections.abc import Iterator, Mapping

from builder.formats.yaml_tree import DroppedNode, Entry, ListNode, MapNode, Node, ScalarNode
from builder.recipe.merge import is_null


def mapping_at(node: MapNode | None, key: str) -> MapNode | None:
    """The mapping at `key`, None where there is none."""
    value = value_at(node, key)
    return value if isinstance(value, MapNode) else None


def items_of(node: MapNode, key: str) -> Iterator[ScalarNode]:
    """The single values in the list at `key`."""
    value = value_at(node, key)
    yield from (item for item in (value.items if isinstance(value, ListNode) else ()) if isinstance(item, ScalarNode))


def entries_of(node: MapNode | None) -> Mapping[str, Entry]:
    """The entries of `node`, none where it is not there."""
    return node.entries if node else {}


def names_of(node: MapNode | None) -> list[str]:
    """The keys of `node` that have a value."""
    return [name for name, entry in entries_of(node).items() if is_there(entry.value)]


def value_at(node: MapNode | None, key: str) -> Node | None:
    """The value at `key`, whatever it is."""
    entry = entries_of(node).get(key)
    return entry.value if entry else None


def is_there(node: Node | None) -> bool:
    """Whether a value was given, and not dropped."""
    return node is not None and not isinstance(node, DroppedNode) and not is_null(node)
