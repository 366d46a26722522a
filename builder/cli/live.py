"""Sessions whose events are shown."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.mode import Mode, RenderFlags, choose_mode
from builder.cli.render.renderer import make_renderer
from builder.core.errors import RecipeError
from builder.core.events import Event

if TYPE_CHECKING:
    from builder.app.session import Session, Settings
    from builder.cli.render.junit import JUnitReport


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
def live_session(
    settings: "Settings", *, quiet: bool, events: str | None, junit: Path | None = None
) -> Iterator["Session"]:
    """A session whose events are shown as the user asked, and written to the file `junit` at its end, however it ends."""
    from builder.app.project import find_project  # noqa: PLC0415 - a build with nothing to do has no use for them
    from builder.app.session import Session  # noqa: PLC0415

    with live_renderer(quiet=quiet, events=events) as renderer:
        report = _report() if junit else None

        def sink(event: Event) -> None:
            renderer(event)
            if report:
                report(event)

        try:
            with Session(find_project(os.environ), settings, sink=sink if report else renderer) as session:
                yield session
        finally:
            if report and junit:
                report.write(junit)


def _report() -> "JUnitReport":
    from builder.cli.render.junit import JUnitReport  # noqa: PLC0415 - hardly any run wants one

    return JUnitReport("builder")
