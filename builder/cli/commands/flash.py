"""`builder devices` and `builder flash`: the last metre."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.cli.commands.cluster import ClustersOption, IdentityOption, PassphraseOption
from builder.cli.options import EventsOption, JsonOption, QuietOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.flash.devices import Device


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
    from builder.cli.flashing import FlashOptions, Nodes, run_flash

    options = FlashOptions(
        image=image,
        devices=device,
        board=board,
        serials=serial or (),
        yes=yes,
        nodes=Nodes(
            names=provision or (),
            cluster=cluster,
            clusters=clusters,
            passphrase_file=passphrase_file,
            identity=identity,
        ),
        even_if=even_if or (),
        block_map=block_map,
        use_map=not no_block_map,
        unmapped=unmapped.value,
        verify=not no_verify,
        to_file=to_file,
        quiet=quiet,
        events=events,
    )
    run_flash(options)


def _parts(device: "Device") -> str:
    def words(name: str, uses: "Sequence[str]") -> str:
        return f"{name} ({', '.join(uses)})" if uses else name

    return ", ".join(words(part.name, part.uses) for part in device.partitions)
