"""For those who want to hear of trouble only."""

from collections.abc import Sequence
from typing import TextIO

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.stream import SafeStream
from builder.core.events import Event, StepFailed, StepStarted, Warned


class QuietRenderer(Renderer):
    """Shows warnings and failures, nothing else."""

    def __init__(self, stream: TextIO, options: RenderOptions) -> None:
        super().__init__()
        self._stream = SafeStream(stream)
        self._clock = options.clock
        self._step_started_s: dict[str, float] = {}

    def _show(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self._step_started_s[event.step] = self._clock.monotonic_s()
        elif isinstance(event, Warned | StepFailed):
            self._trouble(event)

    def _trouble(self, event: Warned | StepFailed) -> None:
        from builder.cli.render import trouble  # noqa: PLC0415 - most commands end without it

        if isinstance(event, Warned):
            self._write(trouble.warning_texts(event))
            return
        started_s = self._step_started_s.get(event.step)
        took_s = None if started_s is None else self._clock.monotonic_s() - started_s
        self._write(trouble.failure_texts(event, took_s=took_s))

    def _write(self, lines: Sequence[str]) -> None:
        self._stream.write("".join(f"{one}\n" for one in lines))
        self._stream.flush()
