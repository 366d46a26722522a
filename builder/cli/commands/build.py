"""`builder plan` and `builder make`: the main job."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    FromOption,
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
    from builder.app.vendor.origin import VendorOrigin


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: builder plan --arch armv7")(plan)
    app.command(
        epilog="Examples: builder make --arch armv7 --target rootfs; builder make my.yaml --set cluster.tags='[slim]'"
    )(make)


def plan(  # noqa: PLR0913 - one parameter per option
    recipe: RecipeArgument = "edge",
    *,
    arch: ArchOption = None,
    target: TargetOption = None,
    board: BoardOption = None,
    overrides: SetOption = None,
    lock: LockOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which steps a build would run, and why; runs nothing."""
    from builder.app.make import plan_build
    from builder.app.project import find_project
    from builder.app.session import Session, Settings
    from builder.app.wanted import Wanted
    from builder.cli.render.plan import plan_json, render_plan

    project = find_project(os.environ)
    with Session(project, Settings()) as session:
        made = plan_build(
            session,
            project.open(recipe, overrides or (), lock_file=lock),
            Wanted(archs=arch or (), outputs=target or (), boards=board or ()),
        )
    typer.echo(json.dumps(plan_json(made), indent=2) if as_json else render_plan(made), nl=as_json)


def make(  # noqa: PLR0913 - one parameter per option
    context: typer.Context,
    recipe: RecipeArgument = "edge",
    *,
    arch: ArchOption = None,
    target: TargetOption = None,
    board: BoardOption = None,
    overrides: SetOption = None,
    lock: LockOption = None,
    out: OutOption = None,
    offline: OfflineOption = False,
    from_directory: FromOption = None,
    cache_from: CacheFromOption = None,
    cache_to: CacheToOption = None,
    cache_public_key: CacheTrustOption = None,
    cache_key: CacheKeyOption = None,
    executor: ExecutorOption = Executor.LOCAL,
    executor_image: ExecutorImageOption = None,
    junit: JUnitOption = None,
    check_reproducible: Annotated[
        bool, typer.Option("--check-reproducible", help="Build a second time from nothing, elsewhere, and compare.")
    ] = False,
    network_timeout: StallOption = STALL_S,
    quiet: QuietOption = False,
    events: EventsOption = None,
) -> None:
    """Build what a recipe asks for into out/RECIPE/ARCH."""
    from builder.app.project import find_project
    from builder.app.stamp import Stamps, Telling

    project = find_project(os.environ)
    stamps = Stamps(project, context.obj)

    from builder.app.session import Settings
    from builder.app.wanted import Wanted
    from builder.cli.live import live_session
    from builder.cli.sharing import SharingOptions

    origin = _origin(from_directory, offline=offline)
    shared = SharingOptions(from_=cache_from, to=cache_to, public_key=cache_public_key, key=cache_key)
    sharing = shared.read(offline=offline or origin is not None)
    settings = Settings(offline=offline, stall_s=network_timeout, origin=origin, sharing=sharing)
    with live_session(settings, quiet=quiet, events=events, junit=junit) as session:
        if executor is Executor.DOCKER:
            from builder.cli.in_docker import build_in_docker

            build_in_docker(session, context, executor_image)
            return
        workspace = project.open(recipe, overrides or (), lock_file=lock)
        wanted = Wanted(archs=arch or (), outputs=target or (), boards=board or ())
        if check_reproducible:
            from builder.app.reproduce import check

            typer.echo("\n".join(check(session, workspace, wanted, overrides or ())), err=events is not None)
        else:
            from builder.app.make import make_artifacts

            finished = make_artifacts(session, workspace, wanted, out or project.root / "out")
            if from_directory is None:
                stamps.keep(finished, Telling(quiet=quiet, json_events=events is not None))


def _origin(directory: Path | None, *, offline: bool) -> "VendorOrigin | None":
    from builder.app.vendor.directory import open_directory
    from builder.app.vendor.origin import VendorOrigin
    from builder.core.errors import RecipeError

    if directory is None:
        return None
    if offline:
        raise RecipeError("--offline and --from exclude each other", hint="--from uses no network either")
    open_directory(directory)
    return VendorOrigin(root=directory.absolute())
