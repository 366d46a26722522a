"""What the ClusterConfig of a cluster's controllers says, as far as its operator's commands must know."""

from builder.core.errors import RecipeError
from builder.fleet.directory import ClusterDirectory
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import ListNode, MapNode, Node, ScalarNode, Source

# Databases that several controllers reach (docs/reference/clusterconfig.md, spec.storage.kine.dataSource).
_SHARED = ("postgres://", "postgresql://", "mysql://")


def shared_storage(directory: ClusterDirectory) -> bool:
    """Whether several controllers can have the state in common."""
    root = _read(directory)
    kind = _text(root, "spec", "storage", "type") or "kine"
    source = _text(root, "spec", "storage", "kine", "dataSource")
    return kind == "kine" and source.startswith(_SHARED)


def served_names(directory: ClusterDirectory) -> list[str]:
    """Names and addresses that the controllers' certificates have for others."""
    root = _read(directory)
    names = _at(root, "spec", "api", "sans")
    listed = [item.text for item in names.items if isinstance(item, ScalarNode)] if isinstance(names, ListNode) else []
    own = [_text(root, "spec", "api", key) for key in ("externalAddress", "address")]
    return list(dict.fromkeys(name.lower() for name in (*own, *listed) if name))


def _read(directory: ClusterDirectory) -> Node:
    config = directory.config
    document = read_document(config, Source(name=str(config), base=config.parent))
    if document.problems or document.root is None:
        lines = [str(problem) for problem in document.problems]
        raise RecipeError(f"{config} cannot be used", details=lines)
    return document.root


def _at(node: Node, *path: str) -> Node | None:
    for key in path:
        if not isinstance(node, MapNode) or key not in node.entries:
            return None
        node = node.entries[key].value
    return node


def _text(node: Node, *path: str) -> str:
    found = _at(node, *path)
    return found.text if isinstance(found, ScalarNode) else ""
