"""A tree of YAML as the values that models take."""

from builder.formats.yaml_tree import DroppedNode, ListNode, MapNode, Node, ScalarNode
from builder.recipe.merge import is_null
from builder.recipe.section import WrittenText


def plain_values(node: Node) -> object:
    """`node` as the models take it: tuples for lists, text that knows its directory, nothing that was dropped."""
    if isinstance(node, MapNode):
        return {
            key: plain_values(entry.value)
            for key, entry in node.entries.items()
            if not isinstance(entry.value, DroppedNode) and not is_null(entry.value)
        }
    if isinstance(node, ListNode):
        return tuple(plain_values(item) for item in node.items)
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return WrittenText(node.value, node.place.source.base)
    # A value that is a mistake in itself must not pass for a good one: no field takes the node.
    return node.value if isinstance(node, ScalarNode) else node
