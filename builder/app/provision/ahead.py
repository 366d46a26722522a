"""Nodes' files in an image that is not written yet: what flashing puts on each device in place of the image's own bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from builder.app.clusters.nodes import require_nodes
from builder.app.clusters.unlock import Unlocking
from builder.app.images import read_manifest
from builder.app.provision.card import boot_geometry, joined, named, wanted_files
from builder.app.provision.compose import Composer
from builder.app.provision.fitting import misfits
from builder.app.provision.node_text import NODE_FILE
from builder.core.errors import BuilderError, RecipeError
from builder.flash.patch import Patch
from builder.flash.source import Image, open_content
from builder.fleet.directory import ClusterDirectory
from builder.fleet.node.read import read_node
from builder.fleet.record import NodeRecord, Record
from builder.formats.fat.change import Volume
from builder.formats.fat.geometry import Read
from builder.formats.yaml_tree import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """The `patches` that make an image those of `nodes`, in their order.

    `enter` makes their credentials known; it is called when nothing stands in the way of writing any more.
    """

    directory: ClusterDirectory
    seen: Record
    nodes: Sequence[str]
    changed: Mapping[str, NodeRecord]
    patches: Sequence[Patch]

    def enter(self) -> None:
        """Add the credentials to the cluster's record; `RecipeError` where the cluster is another than it was."""
        with self.directory.changing() as record:
            merged = record
            for name, node in self.changed.items():
                before, now = self.seen.nodes[name], record.nodes.get(name)
                if now is None or now.revoked or now.role != before.role or record.generation != self.seen.generation:
                    raise RecipeError(
                        f"{name} was changed in the cluster {record.name} meanwhile",
                        hint="nothing was written: run it again",
                    )
                added = node.credentials[len(before.credentials) :]
                merged = merged.with_node(name, now.model_copy(update={"credentials": (*now.credentials, *added)}))
            self.directory.write(merged)


def provision_ahead(
    image: Image, nodes: Sequence[str], directory: ClusterDirectory, unlocking: Unlocking, *, now: datetime
) -> Provisioned:
    """What makes `image`, of which nothing is changed, that of each of `nodes`; raises with all that is wrong with them."""
    record = directory.read()
    require_nodes(record, nodes)
    twice = sorted({name for name in nodes if nodes.count(name) > 1})
    if twice:
        raise RecipeError(f"{', '.join(twice)}: named twice, and each device is a node of its own")
    keys = directory.read_keys(record, unlocking.identity(directory, record))
    composed = _composed(Composer(directory=directory, record=record, keys=keys, now=now), image, nodes)
    read = image_reader(image)
    with named(image.path):
        geometry = boot_geometry(read, image.size_bytes)
        patches = []
        for name, (files, _) in composed.items():
            stages = Volume(read, geometry).change(wanted_files(files, now))
            writes = [(write.offset, write.data) for write in joined(chain.from_iterable(stages))]
            patches.append(Patch(identity=f"{record.name}/{name}", writes=writes))
    changed = {name: node for name, (_, node) in composed.items() if node is not record.nodes[name]}
    return Provisioned(directory=directory, seen=record, nodes=nodes, changed=changed, patches=patches)


def image_reader(image: Image) -> Read:
    """Reads bytes of `image`, unpacked as far as they lie within it; what was read once is kept."""
    kept: dict[tuple[int, int], bytes] = {}

    def read(offset: int, length: int) -> bytes:
        if (offset, length) not in kept:
            if offset + length > image.size_bytes:
                raise BuilderError(f"it ends at byte {image.size_bytes}, within its FAT partition")
            buffer = bytearray(length)
            with open_content(image) as content:
                content.skip(offset)
                content.fill(memoryview(buffer))
            kept[offset, length] = bytes(buffer)
        return kept[offset, length]

    return read


def _composed(
    composer: Composer, image: Image, nodes: Sequence[str]
) -> dict[str, tuple[Mapping[str, bytes], NodeRecord]]:
    manifest, composed, problems = read_manifest(image.path), {}, []
    for name in nodes:
        try:
            composed[name] = composer.compose(name)
        except RecipeError as error:
            problems += list(error.details or [error.brief])
            continue
        path = composer.directory.node(name)
        config = read_node(composed[name][0][NODE_FILE], Source(name=str(path), base=path.parent))
        problems += [f"{path}: {text}" for text in misfits(image.path, manifest, config)]
    if problems:
        raise RecipeError("nothing was written: see what the nodes are", details=problems)
    return composed
