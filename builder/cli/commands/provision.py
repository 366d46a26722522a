"""`builder provision`: what makes a card one node."""

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.commands.cluster import (
    ClustersOption,
    IdentityOption,
    PassphraseOption,
    make_unlocking,
    now,
    open_cluster,
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        epilog="Examples: builder provision /dev/sdb --cluster mill --node field-1; builder provision edge.img --cluster mill"
        " --all --out overlays; builder provision /dev/sdb --overlay overlays/field-1"
    )(provision)


def provision(  # noqa: PLR0913 - one parameter per option
    card: Annotated[Path, typer.Argument(metavar="IMAGE|DEVICE", help="An .img, or a card such as /dev/sdb.")],
    *,
    cluster: Annotated[str, typer.Option("--cluster", metavar="NAME", help="The node's cluster.")] = "",
    node: Annotated[str, typer.Option("--node", metavar="NODE", help="Write this node's files.")] = "",
    fleet: Annotated[
        bool,
        typer.Option("--fleet", help="Write what any device may have: it asks to be approved, and holds no secret."),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Write all nodes' files into --out instead; the image stays as it is.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="With --all: a directory for each node.")
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", metavar="DIR", help="Write what --all made for a node; needs no key.")
    ] = None,
    passphrase_file: PassphraseOption = None,
    identity: IdentityOption = None,
    clusters: ClustersOption = None,
) -> None:
    """Write node.yaml, and what lets the node join, to the boot partition of a card or an image."""
    from builder.app.provision.work import Provisioner, apply_overlay
    from builder.core.errors import RecipeError

    chosen = [bool(node), fleet, every, overlay is not None]
    if chosen.count(True) != 1 or bool(cluster) == bool(overlay) or bool(out) != every:
        raise RecipeError(
            "one of four is wanted",
            hint="--cluster NAME with --node NODE, --fleet, or --all --out DIR; or --overlay DIR",
        )
    if overlay:
        typer.echo(f"{card}: {apply_overlay(card, overlay, now())}")
        return
    work = Provisioner(
        directory=open_cluster(clusters, cluster), unlocking=make_unlocking(passphrase_file, identity), now=now()
    )
    if node:
        work.one(card, node)
        typer.echo(f"{card}: {node}")
    elif fleet:
        work.fleet(card)
        typer.echo(f"{card}: for any device of {cluster}")
    elif out:
        for name in work.all(card, out):
            typer.echo(out / name)
