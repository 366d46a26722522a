"""Nodes of a cluster: added by name, revoked with every credential that they ever had."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from builder.app.clusters.create import check_name
from builder.app.clusters.settings import shared_storage
from builder.core.errors import RecipeError
from builder.core.nearest import suggestion
from builder.fleet.directory import ClusterDirectory
from builder.fleet.record import NodeRecord, Record, Revoked
from builder.fleet.role import Role


def add_nodes(directory: ClusterDirectory, names: Sequence[str], role: Role, *, now: datetime) -> None:
    """Add nodes; all that speaks against it is told at once. A revoked node may come back: its old credentials do not."""
    for name in names:
        check_name(name, "node")
    with directory.changing() as record:
        problems = list(_problems(record, names))
        if role.controls:
            problems += _too_many(directory, record, names)
        if problems:
            raise RecipeError("no node was added", details=problems)
        changed = record
        for name in names:
            if not directory.node(name).exists():
                directory.write_file(f"nodes/{name}.yaml", node_file(name, role))
            before = record.nodes.get(name)
            credentials = before.credentials if before else ()
            changed = changed.with_node(name, NodeRecord(role=role, added=now, credentials=credentials))
        directory.write(changed)


def revoke_nodes(directory: ClusterDirectory, names: Sequence[str], *, now: datetime) -> list[Revoked]:
    """Take back every credential of these nodes; returns them."""
    with directory.changing() as record:
        require_nodes(record, names)
        known = {one.serial for one in record.revoked}
        added: list[Revoked] = []
        changed = record
        for name in dict.fromkeys(names):
            node = record.nodes[name]
            added += [
                Revoked(serial=one.serial, node=name, revoked=now)
                for one in node.credentials
                if one.serial not in known
            ]
            changed = changed.with_node(name, node.model_copy(update={"revoked": node.revoked or now}))
        directory.write(changed.model_copy(update={"revoked": (*record.revoked, *added)}))
    return added


def revoke_device(directory: ClusterDirectory, node: str, fingerprint: str, *, now: datetime) -> list[Revoked]:
    """Take back that a device with a fleet's card was approved as `node`, by the fingerprint of its key."""
    check_name(node, "node")
    if not re.fullmatch(r"SHA256:[0-9a-f]{64}", fingerprint):
        raise RecipeError(
            f"{fingerprint!r} is no fingerprint of a device: SHA256: and 64 digits",
            hint="'kedge node list' on the controller shows it",
        )
    with directory.changing() as record:
        if any(one.serial == fingerprint for one in record.revoked):
            return []
        added = Revoked(serial=fingerprint, node=node, revoked=now)
        directory.write(record.model_copy(update={"revoked": (*record.revoked, added)}))
    return [added]


def require_nodes(record: Record, names: Sequence[str]) -> None:
    """Raise where one of `names` is no node of the cluster."""
    unknown = [name for name in names if name not in record.nodes]
    if unknown:
        lines = [f"{name!r}{suggestion(name, 'nodes', sorted(record.nodes))}" for name in unknown]
        raise RecipeError(
            f"{record.name} has no such node", details=lines, hint=f"builder cluster add-node {record.name} NODE"
        )


def _problems(record: Record, names: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is named twice"
    for name in names:
        node = record.nodes.get(name)
        if node and not node.revoked:
            yield f"{name} is a node of {record.name} already"


def _too_many(directory: ClusterDirectory, record: Record, names: Sequence[str]) -> Iterator[str]:
    """More controllers than there can be, as long as those cannot join each other."""
    there = sorted(name for name, node in record.nodes.items() if node.role.controls and not node.revoked)
    if len(set(there) | set(names)) < 2 or shared_storage(directory):  # noqa: PLR2004 - a second one
        return
    others = f"{', '.join(there)} is one" if there else "only one can be added"
    yield (
        f"{', '.join(names)}: a second controller would have a cluster of its own, since SQLite and etcd keep the state on"
        f" the controller itself ({others}); keep it in PostgreSQL or MariaDB: spec.storage.kine.dataSource in {directory.config}"
    )


def node_file(name: str, role: Role, *, site: str = "") -> bytes:
    """What people begin with who say what is special about a node."""
    text = f"""# What is special about this node; docs/reference/node.md explains all keys.
# The cluster's are added when the node is provisioned.
format: 1
name: "{name}"
role: {role.value}
"""
    return (text + (f'site: "{site}"\n' if site else "")).encode()
