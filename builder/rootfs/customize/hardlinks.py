"""Taking a file away without taking it from those who share its content."""

from dataclasses import replace

from builder.rootfs.tree import Kind, Tree


def detach(tree: Tree, path: str) -> None:
    """Give the content of the file at `path` to its other names, so that it can be replaced or removed alone."""
    node = tree.nodes.get(path)
    if node is None or node.kind is not Kind.FILE:
        return
    others = sorted(name for name, one in tree.nodes.items() if one.kind is Kind.HARDLINK and one.target == path)
    if not others:
        return
    first, *rest = others
    tree.nodes[first] = replace(node, owner=tree.nodes[first].owner)
    for name in rest:
        tree.nodes[name] = replace(tree.nodes[name], target=first)
