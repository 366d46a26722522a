"""Sinks for events, and the choice among them."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TextIO

from builder.cli.render.clock import Clock
from builder.cli.render.mode import Mode
from builder.core.events import Event


class Renderer(ABC):
    """Shows events, which may come from several threads, while its context is open.

    Never raises because of the stream that it writes to.
    """

    def __init__(self) -> None:
        # Reentrant, because a signal handler may emit a warning while its own thread is in here.
        self._lock = threading.RLock()

    def __call__(self, event: Event) -> None:
        """Show `event`."""
        with self._lock:
            self._show(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def _show(self, event: Event) -> None:
        """Show `event`; the lock is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """How events are shown, whatever the mode.

    `environment` is asked for NO_COLOR and TERM. With a `verbosity` above 0 cached steps are named one by one and steps
    tell their log when they start. `console_width` (columns) replaces what the terminal says of itself.
    """

    environment: Mapping[str, str]
    clock: Clock = field(default_factory=Clock)
    verbosity: int = 0
    console_width: int | None = None


def make_renderer(mode: Mode, stream: TextIO, options: RenderOptions) -> Renderer:
    """The renderer of `mode` that writes to `stream`."""
    if mode is Mode.JSON:
        from builder.cli.render.json_lines import JsonRenderer  # noqa: PLC0415 - only what is used is imported

        return JsonRenderer(stream, options)
    if mode is Mode.TERMINAL:
        from builder.cli.render.live import LiveRenderer  # noqa: PLC0415 - rich takes longer to import than to plan

        return LiveRenderer(stream, options)
    from builder.cli.render.plain import PlainRenderer, QuietRenderer  # noqa: PLC0415 - only what is used is imported

    return QuietRenderer(stream, options) if mode is Mode.QUIET else PlainRenderer(stream, options)
