"""Where the controllers of a cluster keep its state, as far as adding controllers must know."""

from builder.core.errors import RecipeError
from builder.fleet.directory import ClusterDirectory
from builder.formats.yaml_source import read_document
from builder.formats.yaml_tree import MapNode, Node, ScalarNode, Source

# Databases that several controllers reach (docs/reference/clusterconfig.md, spec.storage.kine.dataSource).
_SHARED = ("postgres://", "postgresql://", "mysql://")


def shared_storage(directory: ClusterDirectory) -> bool:
    """Whether several controllers can have the state in common."""
    config = directory.config
    document = read_document(config, Source(name=str(config), base=config.parent))
    if document.problems or document.root is None:
        lines = [str(problem) for problem in document.problems]
        raise RecipeError(f"{config} cannot be used", details=lines)
    kind = _text(document.root, "spec", "storage", "type") or "kine"
    source = _text(document.root, "spec", "storage", "kine", "dataSource")
    return kind == "kine" and source.startswith(_SHARED)


def _text(node: Node, *path: str) -> str:
    for key in path:
        if not isinstance(node, MapNode) or key not in node.entries:
            return ""
        node = node.entries[key].value
    return node.text if isinstance(node, ScalarNode) else ""
