"""`builder devices` and `builder flash`: the last metre."""

import json
import os
import sys
from dataclasses import asdict
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.cli.commands.cluster import (
    ClustersOption,
    IdentityOption,
    PassphraseOption,
    make_unlocking,
    now,
    open_cluster,
)
from builder.cli.live import live_renderer
from builder.cli.options import EventsOption, JsonOption, QuietOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.app.clusters.unlock import Unlocking
    from builder.app.flash.prepare import Prepared
    from builder.app.flash.work import Identities
    from builder.flash.devices import Device
    from builder.flash.flash import Outcome
    from builder.fleet.directory import ClusterDirectory


class UnmappedChoice(StrEnum):
    """What becomes of what the image leaves out."""

    DISCARD = "discard"
    ZERO = "zero"
    KEEP = "keep"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: builder devices --json")(devices)
    app.command(
        epilog="Examples: builder flash out/edge/armv7 sdb; builder flash my.img.zst sdb sdc --yes --serial A1 --serial A2;"
        " builder flash my.img.zst sdb sdc --cluster home --provision field-1 --provision field-2"
    )(flash)
    app.command(
        "imager-list", epilog="Example: builder imager-list out --url https://images.example/edge > os_list.json"
    )(imager_list)


def imager_list(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="The directory below which images are.")],
    *,
    url: Annotated[str, typer.Option("--url", help="Where that directory will be found by others.")],
) -> None:
    """Print the list of images that Raspberry Pi Imager takes as a repository."""
    from builder.app.imager import imager_list as listed
    from builder.app.imager import to_text

    typer.echo(to_text(listed(out, url)))


def devices(*, as_json: JsonOption = False) -> None:
    """List devices, and what speaks against writing to them."""
    from builder.cli.render.table import render_table
    from builder.core.resources import format_size
    from builder.flash.devices import find_devices
    from builder.flash.guards import objections

    found = find_devices()
    if as_json:
        listed = [
            {**asdict(one), "objections": [{"reason": x.reason, "text": x.text} for x in objections(one)]}
            for one in found
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    rows = [
        (
            one.path,
            format_size(one.size_bytes),
            one.model,
            one.serial,
            _parts(one),
            "; ".join(x.text for x in objections(one)),
        )
        for one in found
    ]
    headers = ("device", "size", "model", "serial", "partitions", "what speaks against it")
    typer.echo(render_table(headers, rows, right={"size"}), nl=False)


def flash(  # noqa: PLR0913 - one parameter per option
    image: Annotated[
        Path,
        typer.Argument(metavar="IMAGE", help="An .img, .img.zst or .img.xz, or a directory below which there is one."),
    ],
    device: Annotated[list[str], typer.Argument(metavar="DEVICE...", help="Devices, such as sdb or /dev/mmcblk0.")],
    *,
    board: Annotated[str, typer.Option("--board", help="Refuse an image that is for another board.")] = "",
    serial: Annotated[
        list[str] | None, typer.Option("--serial", help="The serial number that the device must have; once for each.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; only together with --serial.")] = False,
    provision: Annotated[
        list[str] | None,
        typer.Option(
            "--provision", metavar="NODE", help="Make the device this node of --cluster; once for each, in order."
        ),
    ] = None,
    cluster: Annotated[str, typer.Option("--cluster", metavar="NAME", help="The nodes' cluster.")] = "",
    passphrase_file: PassphraseOption = None,
    identity: IdentityOption = None,
    clusters: ClustersOption = None,
    even_if: Annotated[
        list[str] | None,
        typer.Option(
            "--even-if", metavar="DEVICE:REASON", help="Write although large or not-removable, as in sdb:large."
        ),
    ] = None,
    block_map: Annotated[
        Path | None, typer.Option("--block-map", help="The image's block map. Default: the one beside it.")
    ] = None,
    no_block_map: Annotated[bool, typer.Option("--no-block-map", help="Write all of the image.")] = False,
    unmapped: Annotated[
        UnmappedChoice, typer.Option("--unmapped", help="What becomes of what the image leaves out.")
    ] = UnmappedChoice.DISCARD,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not read back what was written.")] = False,
    to_file: Annotated[
        bool, typer.Option("--to-file", help="Take files for devices; for tests and emulators.")
    ] = False,
    quiet: QuietOption = False,
    events: EventsOption = None,
) -> None:
    """Write an image to devices, and read it back. Everything that is on them is lost."""
    from builder.app.flash.prepare import FlashWanted, parse_confirmation, prepare
    from builder.app.flash.work import flash as work
    from builder.app.project import find_project
    from builder.core.errors import RecipeError
    from builder.flash.devices import find_devices
    from builder.flash.flash import Orders
    from builder.flash.lane import Unmapped
    from builder.io.cancel import CancelToken

    nodes = provision or []
    if yes and not serial:
        raise RecipeError(
            "--yes without --serial", hint="names such as sdb change; say with --serial which device is meant"
        )
    if bool(nodes) != bool(cluster) or (nodes and len(nodes) != len(device)):
        raise RecipeError(
            f"{len(nodes)} nodes of {cluster or 'no cluster'} for {len(device)} devices",
            hint="--cluster NAME, and --provision NODE once for each device, in their order",
        )
    wanted = FlashWanted(
        image=image,
        devices=device,
        serials=serial or (),
        confirmed=[parse_confirmation(one) for one in even_if or ()],
        board=board,
        block_map=block_map,
        use_map=not no_block_map,
        may_be_files=to_file,
    )
    cancel = CancelToken()
    prepared = prepare(wanted, find_devices(), cancel)
    identities = None
    if nodes:
        unlocking = make_unlocking(passphrase_file, identity)
        identities = _identities(prepared, nodes, open_cluster(clusters, cluster), unlocking)
    if not yes:
        _confirm(prepared, nodes)
    with live_renderer(quiet=quiet, events=events) as renderer:
        orders = Orders(
            unmapped=Unmapped(unmapped),
            verify=not no_verify,
            journals=find_project(os.environ).cache / "flash",
            sink=renderer,
            cancel=cancel,
        )
        outcomes = work(prepared, orders, identities)
    for outcome, node in zip_longest(outcomes, nodes):
        typer.echo(_result(prepared, outcome, node, verified=not no_verify), err=events is not None)


def _identities(
    prepared: "Prepared", nodes: list[str], directory: "ClusterDirectory", unlocking: "Unlocking"
) -> "Identities":
    from builder.app.flash.work import Identities
    from builder.app.provision.ahead import provision_ahead

    made = provision_ahead(prepared.image, nodes, directory, unlocking, now=now())
    return Identities(patches=made.patches, enter=made.enter)


def _confirm(prepared: "Prepared", nodes: "Sequence[str]") -> None:
    """Show what will be lost, and have each device's name typed."""
    from builder.core.errors import InterruptedBuildError, RecipeError

    if not sys.stdin.isatty():
        raise RecipeError("nobody is here to confirm it", hint="run it at a terminal, or with --yes and --serial")
    for place, node in zip_longest(prepared.places, nodes):
        becomes = f", and it becomes {node}" if node else ""
        typer.echo(f"everything on {place.path} will be lost{becomes}:", err=True)
        typer.echo(_described(place.device) if place.device else f"  {place.path.stat().st_size} bytes", err=True)
        typer.echo(f"type {place.path.name} to go on: ", nl=False, err=True)
        if sys.stdin.readline().strip() != place.path.name:
            raise InterruptedBuildError("not confirmed; nothing was written")


def _described(device: "Device") -> str:
    from builder.core.resources import format_size

    serial = device.serial or "no serial number"
    lines = [f"  {device.model or 'unknown model'}, {serial}, {format_size(device.size_bytes)}"]
    lines += [f"  {part.name}  {format_size(part.size_bytes)}" for part in device.partitions]
    return "\n".join(lines)


def _parts(device: "Device") -> str:
    def words(name: str, uses: "Sequence[str]") -> str:
        return f"{name} ({', '.join(uses)})" if uses else name

    return ", ".join(words(part.name, part.uses) for part in device.partitions)


def _result(prepared: "Prepared", outcome: "Outcome", node: str | None, *, verified: bool) -> str:
    from builder.core.resources import format_size

    image = prepared.image
    kept = f", {format_size(outcome.resumed_bytes)} of it by an earlier try" if outcome.resumed_bytes else ""
    read = "read back and equal" if verified else "not read back"
    made = f", as {node}" if node else ""
    return f"{outcome.target.path}: {format_size(image.mapped_bytes)} of {image.path} written{made}{kept}; {read}"
