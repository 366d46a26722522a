"""`builder release`, `verify`, `publish`, `fetch` and `diff`: what is published, and whether it still is that."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builder.cli.live import live_session
from builder.cli.options import (
    STALL_S,
    ArchOption,
    BoardOption,
    CacheFromOption,
    CacheKeyOption,
    CacheToOption,
    CacheTrustOption,
    EventsOption,
    ExecutorImageOption,
    ExecutorOption,
    JsonOption,
    JUnitOption,
    LockOption,
    OfflineOption,
    OutOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    StallOption,
    TargetOption,
)
from builder.core.executor import Executor

if TYPE_CHECKING:
    from builder.oci.reference import Reference

_ReleaseArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a release.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: builder release 1.4.0 --minisign-key ~/.minisign/minisign.key")(release)
    app.command(epilog="Example: builder verify out/edge/releases/1.4.0 --minisign-public-key publisher.pub")(verify)
    app.command(epilog="Example: builder publish out/edge/releases/1.4.0 registry.example.com/team/edge")(publish)
    app.command(epilog="Example: builder fetch registry.example.com/team/edge:1.4.0 edge-1.4.0")(fetch)
    app.command(epilog="Example: builder diff out/edge/releases/1.3.0 out/edge/releases/1.4.0 --files")(diff)


def release(  # noqa: PLR0913 - one parameter per option
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Version of the release, such as 1.4.0.")],
    recipe: RecipeArgument = "edge",
    *,
    minisign_key: Annotated[
        Path | None,
        typer.Option(
            "--minisign-key", help="Secret key that 'minisign -G' made, to sign with; its password is asked for."
        ),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            metavar="DIR",
            help="Release that changes are told since. Default: the one with the next lower version beside it.",
        ),
    ] = None,
    arch: ArchOption = None,
    target: TargetOption = None,
    board: BoardOption = None,
    overrides: SetOption = None,
    lock: LockOption = None,
    out: OutOption = None,
    offline: OfflineOption = False,
    cache_from: CacheFromOption = None,
    cache_to: CacheToOption = None,
    cache_public_key: CacheTrustOption = None,
    cache_key: CacheKeyOption = None,
    executor: ExecutorOption = Executor.LOCAL,
    executor_image: ExecutorImageOption = None,
    junit: JUnitOption = None,
    network_timeout: StallOption = STALL_S,
    quiet: QuietOption = False,
    events: EventsOption = None,
) -> None:
    """Build what a recipe asks for, and publish it with everything that proves it: out/RECIPE/releases/VERSION."""
    from builder.app.project import find_project
    from builder.app.release.keys import read_secret_key
    from builder.app.release.make import Request, make_release
    from builder.app.session import Settings
    from builder.app.wanted import Wanted
    from builder.cli.in_docker import build_in_docker
    from builder.cli.sharing import SharingOptions
    from builder.release.record import require_version

    def password() -> str:
        return str(typer.prompt(f"Password of {minisign_key}", hide_input=True, err=True))

    require_version(version)
    key = read_secret_key(minisign_key, password) if minisign_key else None
    project = find_project(os.environ)
    shared = SharingOptions(from_=cache_from, to=cache_to, public_key=cache_public_key, key=cache_key)
    settings = Settings(offline=offline, stall_s=network_timeout, sharing=shared.read(offline=offline))
    with live_session(settings, quiet=quiet, events=events, junit=junit) as session:
        if executor is Executor.DOCKER:
            # What it makes is in the store then. The key, and whoever is asked for its password, stay outside.
            build_in_docker(session, context, executor_image)
        workspace = project.open(recipe, overrides or (), lock_file=lock)
        request = Request(
            version=version,
            wanted=Wanted(archs=arch or (), outputs=target or (), boards=board or ()),
            out=out or project.root / "out",
            since=since,
            key=key,
            overrides=overrides or (),
        )
        place = make_release(session, workspace, request)
    typer.echo(place, err=events is not None)


def verify(
    directory: _ReleaseArgument,
    *,
    minisign_public_key: Annotated[
        Path | None,
        typer.Option("--minisign-public-key", help="Whose signature the release must have."),
    ] = None,
    version: Annotated[
        str, typer.Option("--version", help="The version that it must be: an older one, in order, is refused.")
    ] = "",
) -> None:
    """Check a release, offline: every file, the tables that name them, and the signature."""
    from builder.app.release.keys import read_public_key
    from builder.cli.render.text import count
    from builder.release.check import Question, require_whole

    key = read_public_key(minisign_public_key) if minisign_public_key else None
    checked = require_whole(Question(directory=directory, key=key, version=version))
    typer.echo(f"{directory} is {checked.record.title}: {count(checked.files, 'file')}, all as they were released")
    if key:
        typer.echo(f"signed by the key that was named, as {checked.signed_by}")
    else:
        typer.echo("who released it was not checked: name the publisher's key with --minisign-public-key", err=True)


def publish(
    directory: _ReleaseArgument,
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="Repository to push to; without a tag it gets the version.")
    ],
    *,
    network_timeout: StallOption = STALL_S,
) -> None:
    """Push a release to a registry as one artifact; what is there already is not sent again."""
    from builder.app.release.earlier import read_release
    from builder.app.release.publish import push_release
    from builder.app.session import Settings

    place = _reference(reference, read_release(directory).record.version)
    with live_session(Settings(stall_s=network_timeout), quiet=False, events=None) as session:
        digest = push_release(session, directory, place)
    typer.echo(f"{place.repository}@{digest}")


def fetch(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="A release in a registry, by tag or digest.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory to make.")],
    *,
    minisign_public_key: Annotated[
        Path | None,
        typer.Option("--minisign-public-key", help="Whose signature the release must have."),
    ] = None,
    network_timeout: StallOption = STALL_S,
) -> None:
    """Fetch a release from a registry, and check it as 'builder verify' does; what is not in order is not kept."""
    from builder.app.release.keys import read_public_key
    from builder.app.release.publish import pull_release
    from builder.app.session import Settings
    from builder.oci.reference import Reference

    key = read_public_key(minisign_public_key) if minisign_public_key else None
    with live_session(Settings(stall_s=network_timeout), quiet=False, events=None) as session:
        checked = pull_release(session, Reference.parse(reference), directory, key)
    typer.echo(f"{directory} is {checked.record.title}")


def _reference(text: str, version: str) -> "Reference":
    """What `text` means; without a tag of its own, that of the release."""
    from dataclasses import replace

    from builder.core.errors import RecipeError
    from builder.oci.reference import Reference

    parsed = Reference.parse(text)
    if parsed.digest:
        raise RecipeError(f"{text}: a push goes to a tag, not to a digest")
    tagged = ":" in text.rpartition("/")[2]
    return parsed if tagged else replace(parsed, tag=version)


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Directory of the earlier release.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Directory of the later release.")],
    *,
    files: Annotated[bool, typer.Option("--files", help="Each file of root file systems, not only how many.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what changed between two releases: components, packages, modules, options of the kernel, files, sizes."""
    from builder.app.release.earlier import read_release
    from builder.release.changes import changes_text
    from builder.release.compare import compare, comparison_json

    comparisons = compare(read_release(old), read_release(new))
    told = (
        json.dumps(comparison_json(comparisons), indent=2) if as_json else changes_text(comparisons, with_files=files)
    )
    typer.echo(told)
