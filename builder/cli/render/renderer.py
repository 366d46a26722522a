"""The choice among the sinks for events."""

from typing import TextIO

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.mode import Mode


def make_renderer(mode: Mode, stream: TextIO, options: RenderOptions) -> Renderer:
    """The renderer of `mode` that writes to `stream`."""
    if mode is Mode.JSON:
        from builder.cli.render.json_lines import JsonRenderer  # noqa: PLC0415 - only what is used is imported

        return JsonRenderer(stream, options)
    if mode is Mode.TERMINAL:
        from builder.cli.render.live import LiveRenderer  # noqa: PLC0415 - rich takes longer to import than to plan

        return LiveRenderer(stream, options)
    if mode is Mode.QUIET:
        from builder.cli.render.quiet import QuietRenderer  # noqa: PLC0415 - only what is used is imported

        return QuietRenderer(stream, options)
    from builder.cli.render.plain import PlainRenderer  # noqa: PLC0415 - only what is used is imported

    return PlainRenderer(stream, options)
