"""What all ways of showing events have in common."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from builder.cli.render.clock import Clock
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
