"""Sessions whose events are shown."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.mode import Mode, RenderFlags, choose_mode
from builder.cli.render.renderer import make_renderer
from builder.core.errors import RecipeError

if TYPE_CHECKING:
    from builder.app.session import Session, Settings


@contextmanager
def live_renderer(*, quiet: bool, events: str | None) -> Iterator[Renderer]:
    """Shows events as the user asked."""
    if events not in {None, "json"}:
        raise RecipeError(f"--events {events}: unknown form", hint="the only form is json")
    mode = choose_mode(sys.stderr, os.environ, RenderFlags(json_events=events is not None, quiet=quiet))
    stream = sys.stdout if mode is Mode.JSON else sys.stderr
    with make_renderer(mode, stream, RenderOptions(environment=os.environ)) as renderer:
        yield renderer


@contextmanager
def live_session(settings: "Settings", *, quiet: bool, events: str | None) -> Iterator["Session"]:
    """A session whose events are shown as the user asked."""
    from builder.app.project import find_project  # noqa: PLC0415 - a build with nothing to do has no use for them
    from builder.app.session import Session  # noqa: PLC0415

    with (
        live_renderer(quiet=quiet, events=events) as renderer,
        Session(find_project(os.environ), settings, sink=renderer) as session,
    ):
        yield session
