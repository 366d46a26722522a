"""Whether an image is one for a node, by the manifest beside it."""

from collections.abc import Iterator
from pathlib import Path

from builder.app.manifest import Manifest
from builder.fleet.node.model import NodeConfig
from builder.fleet.role import Role

# Parts of kedge that recipes leave out (`cluster.tags`), and the roles that need them.
_NEEDED_BY = {
    "without_controller": (Role.CONTROLLER, Role.SINGLE),
    "without_worker": (Role.WORKER, Role.SINGLE),
}


def misfits(image: Path, manifest: Manifest | None, config: NodeConfig) -> Iterator[str]:
    """What speaks against `image`, which has that `manifest` beside it, on the card of the node of `config`."""
    recipe = manifest.inputs.recipe if manifest else {}
    cluster = recipe.get("cluster")
    tags = cluster.get("tags") if isinstance(cluster, dict) else None
    for tag, roles in _NEEDED_BY.items():
        if config.role in roles and tag in (tags or ()):
            yield f"role: {config.role}, and the kedge in {image} was made with {tag}"
    if config.board:
        yield from _other_board(image, manifest, config.board)


def _other_board(image: Path, manifest: Manifest | None, board: str) -> Iterator[str]:
    boards = manifest.inputs.recipe.get("boards") if manifest else None
    found = image.resolve().parent.name
    if manifest is None or not isinstance(boards, dict) or found not in boards:
        yield f"board: {board}, and nothing says which board {image} is for; take an image out of out/"
    elif found != board:
        yield f"board: {board}, and {image} is for {found} ({manifest.arch})"
