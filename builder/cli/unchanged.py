"""Builds with nothing to do, told before anything is imported that could do something."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builder.app.invocation import Invocation

_COMMAND = "make"


def tell_unchanged(invocation: "Invocation", environment: Mapping[str, str]) -> bool:
    """Whether the command is a build that has nothing to do, which is told then as the build would tell it."""
    if _COMMAND not in invocation.arguments:
        return False
    import time  # noqa: PLC0415 - other commands need none of these

    from builder.app.project import find_project  # noqa: PLC0415
    from builder.app.stamp import Stamps  # noqa: PLC0415
    from builder.cli.live import live_renderer  # noqa: PLC0415

    try:
        stamp = Stamps(find_project(environment), invocation).current()
    except OSError:  # a working directory that is gone, which matters to some builds alone
        return False
    if stamp is None:
        return False
    with live_renderer(quiet=stamp.telling.quiet, events="json" if stamp.telling.json_events else None) as renderer:
        for event in stamp.events(time.time() - invocation.begin_s):
            renderer(event)
    return True
