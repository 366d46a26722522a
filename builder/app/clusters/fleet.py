"""Devices without a credential: whether they may ask at all, and which of them are expected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from builder.app.clusters.create import check_name
from builder.app.clusters.nodes import node_file
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.device_list import listed_nodes, make_listing
from builder.fleet.directory import ClusterDirectory
from builder.fleet.record import NodeRecord, Record
from builder.fleet.role import Role

_LONGEST = 128
_HINT = "a line is SERIAL,NODE or SERIAL,NODE,SITE; lines that begin with # say nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A line of a list: the device with the serial number `device` shall be `node`."""

    device: str
    node: str
    site: str
    where: str


def open_fleet(directory: ClusterDirectory, *, is_open: bool) -> None:
    """Let devices with a fleet's card ask to be approved, or not any more."""
    with directory.changing() as record:
        directory.write(record.model_copy(update={"fleet": is_open}))


def require_fleet(record: Record) -> None:
    """Raise where devices may not ask."""
    if not record.fleet:
        raise RecipeError(
            f"the controllers of {record.name} listen to no device without a credential",
            hint=f"'builder cluster fleet {record.name}' lets them, 'builder cluster export {record.name}' tells them",
        )


def expect_devices(directory: ClusterDirectory, file: Path, *, now: datetime) -> int:
    """Take a list of serial numbers; returns how many lines were new. All that is wrong with it is told at once."""
    lines = read_list(file)
    with directory.changing() as record:
        problems = list(_problems(record, lines))
        if problems:
            raise RecipeError("no device was listed", details=problems)
        changed, count, listed = record, 0, listed_nodes(record)
        for line in lines:
            node = changed.nodes.get(line.node) or NodeRecord(role=Role.WORKER, added=now)
            if line.node in listed and listed[line.node].device == line.device:
                continue
            if not directory.node(line.node).exists():
                directory.write_file(f"nodes/{line.node}.yaml", node_file(line.node, Role.WORKER, site=line.site))
            credentials = (*node.credentials, make_listing(line.device, now=now))
            changed = changed.with_node(line.node, node.model_copy(update={"credentials": credentials}))
            count += 1
        directory.write(changed.model_copy(update={"fleet": True}))
    return count


def read_list(file: Path) -> Sequence[Expected]:
    """The lines of a list."""
    try:
        text = file.read_text(encoding="ascii")
    except OSError as error:
        raise RecipeError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{file} is no list of serial numbers: it is not ASCII", hint=_HINT) from None
    lines, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where, parts = f"{file}:{number}", [part.strip() for part in line.split(",")]
        try:
            lines.append(_expected(parts, where))
        except BuilderError as error:
            problems.append(f"{where}: {error.brief}")
    if problems or not lines:
        raise RecipeError(f"{file} cannot be used", details=problems or ["it has no lines"], hint=_HINT)
    return lines


def _expected(parts: Sequence[str], where: str) -> Expected:
    match parts:
        case [device, node]:
            site = ""
        case [device, node, site]:
            check_name(site, "site")
        case _:
            raise RecipeError("it has not two or three parts")
    check_name(node, "node")
    if not 0 < len(device) <= _LONGEST or not device.isprintable():
        raise RecipeError("its serial number is empty, or no device has such a one")
    return Expected(device=device, node=node, site=site, where=where)


def _problems(record: Record, lines: Sequence[Expected]) -> Iterator[str]:
    owners = {one.device: name for name, one in listed_nodes(record).items()}
    for index, line in enumerate(lines):
        earlier = lines[:index]
        if any(one.device == line.device for one in earlier):
            yield f"{line.where}: the serial number is there twice"
        if any(one.node == line.node for one in earlier):
            yield f"{line.where}: {line.node} is there twice"
        node, owner = record.nodes.get(line.node), owners.get(line.device, line.node)
        if owner != line.node and not any(one.node == owner for one in lines):
            yield f"{line.where}: the serial number is {owner}'s; 'builder cluster revoke {record.name} {owner}' takes that back"
        if node and node.role.controls:
            yield f"{line.where}: {line.node} is a {node.role}; only workers have a fleet's card"
        elif node and node.revoked:
            yield f"{line.where}: {line.node} was revoked; 'builder cluster add-node {record.name} {line.node}' takes it back"
