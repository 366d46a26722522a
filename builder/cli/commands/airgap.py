"""`builder airgap`: bundles of images for devices without a network."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from builder.cli.options import JsonOption, SetOption
from builder.core.arch import Arch

_BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle: kedge-airgap-ARCH.tar.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command(epilog="Example: builder airgap verify kedge-airgap-armv7.tar --config kedge.yaml --manifests apps/")(
        verify
    )
    group.command("list", epilog="Example: builder airgap list out/edge/armv7/bundle/kedge-airgap-armv7.tar")(
        list_images
    )
    group.command(epilog="Example: builder airgap sign kedge-airgap-armv7.tar --minisign-key ~/.minisign/minisign.key")(
        sign
    )
    app.add_typer(
        group,
        name="airgap",
        help="Bundles of images for devices without a network: look at them, prove them, sign them.",
    )


def verify(  # noqa: PLR0913 - one parameter per option
    bundle: _BundleArgument,
    *,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration of the cluster: kedge.yaml.")] = None,
    manifests: Annotated[
        list[Path] | None,
        typer.Option("--manifests", help="Kubernetes manifests, a file or a directory; may be repeated."),
    ] = None,
    arch: Annotated[
        Arch | None, typer.Option("--arch", help="Architecture of the devices. Default: that of the bundle.")
    ] = None,
    with_more: Annotated[
        bool, typer.Option("--with-more", help="Images that neither configuration nor manifests name are in order.")
    ] = False,
    minisign_public_key: Annotated[
        Path | None,
        typer.Option("--minisign-public-key", help="Whose signature must lie beside the bundle: BUNDLE.minisig."),
    ] = None,
    recipe: Annotated[str, typer.Option("--recipe", help="Recipe whose system images are needed.")] = "edge",
    overrides: SetOption = None,
) -> None:
    """Prove that a bundle is complete: every image that can be needed, for this architecture, every byte of it."""
    from builder.app.airgap import Question, require_complete, system_images
    from builder.app.project import find_project
    from builder.cli.render.text import count
    from builder.recipe.load import load_recipe

    if minisign_public_key:
        from builder.app.signing import require_signed

        require_signed(bundle, minisign_public_key)
    loaded = load_recipe(find_project(os.environ).recipe_path(recipe), overrides or ())
    question = Question(
        path=bundle,
        system=system_images(loaded),
        files=(*([config] if config else []), *(manifests or ())),
        arch=arch,
        with_more=with_more,
    )
    needed = require_complete(question, cores=os.cpu_count() or 1)
    typer.echo(f"{bundle} is complete: {count(needed, 'image')} needed, everything there and in order")


def sign(
    bundle: _BundleArgument,
    *,
    minisign_key: Annotated[
        Path, typer.Option("--minisign-key", help="Secret key that 'minisign -G' made; its password is asked for.")
    ],
) -> None:
    """Sign a bundle, as 'minisign -S' does, so that devices that have the public key take no other."""
    from builder.app.signing import sign_bundle

    def password() -> str:
        return str(typer.prompt(f"Password of {minisign_key}", hide_input=True, err=True))

    typer.echo(sign_bundle(bundle, minisign_key, password=password, now_s=int(time.time())))


def list_images(
    bundle: _BundleArgument,
    *,
    sbom: Annotated[
        Path | None, typer.Option("--sbom", help="Directory for a bill of materials (CycloneDX) of each image.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The images of a bundle: reference, digest, sizes, and where each came from."""
    from builder.app.airgap import write_bills
    from builder.cli.render.table import render_table
    from builder.core.resources import format_size
    from builder.oci.inventory import list_bundle

    items = list_bundle(bundle)
    if sbom:
        write_bills(bundle, sbom)
    if as_json:
        typer.echo(json.dumps([asdict(item) for item in items], indent=2))
        return
    rows = [
        (
            item.reference,
            item.digest.removeprefix("sha256:")[:12],
            item.platform,
            format_size(item.size_bytes),
            format_size(item.unique_bytes),
            item.origin,
        )
        for item in items
    ]
    head = ("image", "digest", "platform", "size", "unique", "origin")
    typer.echo(render_table(head, rows, right={"size", "unique"}), nl=False)
