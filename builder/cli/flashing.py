"""Flashing as a command does it: what was said, what is asked, what is told at the end."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from builder.app.flash.prepare import FlashWanted, Prepared, parse_confirmation, prepare
from builder.app.flash.work import Identities
from builder.app.flash.work import flash as work
from builder.app.project import find_project
from builder.cli.live import live_renderer
from builder.core.errors import InterruptedBuildError, RecipeError
from builder.core.resources import format_size
from builder.flash.devices import find_devices
from builder.flash.flash import Orders, Outcome
from builder.flash.lane import Unmapped
from builder.io.cancel import CancelToken

if TYPE_CHECKING:
    from builder.flash.devices import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """The nodes that devices become, in their order, and how their cluster's keys are opened."""

    names: Sequence[str] = ()
    cluster: str = ""
    clusters: Path | None = None
    passphrase_file: Path | None = None
    identity: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashOptions:
    """What was said to `builder flash`; its options are explained where they are declared, in `commands.flash`."""

    image: Path
    devices: Sequence[str]
    board: str = ""
    serials: Sequence[str] = ()
    yes: bool = False
    nodes: Nodes = field(default_factory=Nodes)
    even_if: Sequence[str] = ()
    block_map: Path | None = None
    use_map: bool = True
    unmapped: str = Unmapped.DISCARD
    verify: bool = True
    to_file: bool = False
    quiet: bool = False
    events: str | None = None


def run_flash(options: FlashOptions) -> None:
    """Write an image to devices, and read it back."""
    nodes = options.nodes.names
    if options.yes and not options.serials:
        raise RecipeError(
            "--yes without --serial", hint="names such as sdb change; say with --serial which device is meant"
        )
    if bool(nodes) != bool(options.nodes.cluster) or (nodes and len(nodes) != len(options.devices)):
        raise RecipeError(
            f"{len(nodes)} nodes of {options.nodes.cluster or 'no cluster'} for {len(options.devices)} devices",
            hint="--cluster NAME, and --provision NODE once for each device, in their order",
        )
    cancel = CancelToken()
    prepared = prepare(_wanted(options), find_devices(), cancel)
    identities = _identities(prepared, options.nodes) if nodes else None
    if not options.yes:
        _confirm(prepared, nodes)
    with live_renderer(quiet=options.quiet, events=options.events) as renderer:
        orders = Orders(
            unmapped=Unmapped(options.unmapped),
            verify=options.verify,
            journals=find_project(os.environ).cache / "flash",
            sink=renderer,
            cancel=cancel,
        )
        outcomes = work(prepared, orders, identities)
    results = sys.stdout if options.events is None else sys.stderr
    for outcome, node in zip_longest(outcomes, nodes):
        results.write(f"{_result(prepared, outcome, node, verified=options.verify)}\n")


def _wanted(options: FlashOptions) -> FlashWanted:
    return FlashWanted(
        image=options.image,
        devices=options.devices,
        serials=options.serials,
        confirmed=[parse_confirmation(one) for one in options.even_if],
        board=options.board,
        block_map=options.block_map,
        use_map=options.use_map,
        may_be_files=options.to_file,
    )


def _identities(prepared: Prepared, nodes: Nodes) -> Identities:
    # Most who flash open no keys, which takes longer to import than all else here.
    from builder.app.provision.ahead import provision_ahead  # noqa: PLC0415
    from builder.cli.commands.cluster import make_unlocking, now, open_cluster  # noqa: PLC0415

    unlocking = make_unlocking(nodes.passphrase_file, nodes.identity)
    directory = open_cluster(nodes.clusters, nodes.cluster)
    made = provision_ahead(prepared.image, nodes.names, directory, unlocking, now=now())
    return Identities(patches=made.patches, enter=made.enter)


def _confirm(prepared: Prepared, nodes: Sequence[str]) -> None:
    """Show what will be lost, and have each device's name typed."""
    if not sys.stdin.isatty():
        raise RecipeError("nobody is here to confirm it", hint="run it at a terminal, or with --yes and --serial")
    for place, node in zip_longest(prepared.places, nodes):
        becomes = f", and it becomes {node}" if node else ""
        described = _described(place.device) if place.device else f"  {place.path.stat().st_size} bytes"
        sys.stderr.write(
            f"everything on {place.path} will be lost{becomes}:\n{described}\ntype {place.path.name} to go on: "
        )
        sys.stderr.flush()
        if sys.stdin.readline().strip() != place.path.name:
            raise InterruptedBuildError("not confirmed; nothing was written")


def _described(device: "Device") -> str:
    serial = device.serial or "no serial number"
    lines = [f"  {device.model or 'unknown model'}, {serial}, {format_size(device.size_bytes)}"]
    lines += [f"  {part.name}  {format_size(part.size_bytes)}" for part in device.partitions]
    return "\n".join(lines)


def _result(prepared: Prepared, outcome: Outcome, node: str | None, *, verified: bool) -> str:
    image = prepared.image
    kept = f", {format_size(outcome.resumed_bytes)} of it by an earlier try" if outcome.resumed_bytes else ""
    read = "read back and equal" if verified else "not read back"
    made = f", as {node}" if node else ""
    return f"{outcome.target.path}: {format_size(image.mapped_bytes)} of {image.path} written{made}{kept}; {read}"
