"""Events for pipelines: one JSON object per line."""

import json
from typing import TextIO

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.stream import SafeStream
from builder.core.events import Event, to_json


class JsonRenderer(Renderer):
    """Writes each event as one line and hands it on at once. ASCII only, so that no encoding can get in the way."""

    def __init__(self, stream: TextIO, options: RenderOptions) -> None:
        super().__init__()
        self._stream = SafeStream(stream)
        self._clock = options.clock

    def _show(self, event: Event) -> None:
        self._stream.write(json.dumps(to_json(event, time_s=self._clock.epoch_s())) + "\n")
        self._stream.flush()
