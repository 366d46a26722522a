"""The live display of a terminal; the only module that needs rich."""

import os
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Self, TextIO, cast

from rich.console import Console, ConsoleDimensions
from rich.live import Live
from rich.text import Text

from builder.cli.render.base import Renderer, RenderOptions
from builder.cli.render.frame import frame_lines
from builder.cli.render.layout import Line, Part, Tone, line
from builder.cli.render.messages import (
    artifact_lines,
    failure_lines,
    finished_text,
    plan_text,
    skip_reason,
    summary_lines,
    warning_lines,
)
from builder.cli.render.stream import SafeStream
from builder.cli.render.symbols import choose_symbols
from builder.cli.render.text import one_line
from builder.cli.render.tracker import Tracker
from builder.core.events import (
    ArtifactWritten,
    BuildFinished,
    Event,
    PlanMade,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
    Warned,
)

_REFRESH_S = 0.1
_DEFAULT_SIZE = os.terminal_size((80, 24))


class LiveRenderer(Renderer):
    """Permanent lines scroll by above a frame that shows what runs now.

    The frame is drawn ten times a second by a thread of its own; rich's would take the display's lock before ours.
    """

    def __init__(self, stream: TextIO, options: RenderOptions) -> None:
        super().__init__()
        self._stream = SafeStream(stream)
        self._options = options
        self._symbols = choose_symbols(self._stream.encoding, options.environment)
        self._tracker = Tracker(options.clock.monotonic_s())
        self._hidden = False
        self._console = _console(self._stream, options.environment, self._size())
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._stop = threading.Event()
        self._is_finished = False
        self._thread = threading.Thread(target=self._refresh, name="display", daemon=True)

    def __enter__(self) -> Self:
        try:
            with self._lock:
                self._live.start()
                self._draw()
            self._thread.start()
        except BaseException:
            # Ctrl-C in here: nobody will call __exit__.
            self._live.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._stop.set()
            self._thread.join()
        finally:
            self._finish()

    def _finish(self) -> None:
        """Clear the display and show the cursor again, however often Ctrl-C comes in between: a hidden one would outlive us."""
        interrupt: KeyboardInterrupt | None = None
        while not self._is_finished:
            try:
                with self._lock:
                    self._hidden = True
                    self._draw()
                    self._live.stop()
                    # Where an earlier stop was cut short, this one did nothing.
                    self._console.show_cursor(True)
                    self._is_finished = True
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt:
            raise interrupt

    def _refresh(self) -> None:
        while not self._stop.wait(_REFRESH_S):
            with self._lock:
                self._draw()

    def _show(self, event: Event) -> None:
        now_s = self._options.clock.monotonic_s()
        lines = self._about_step(event, now_s) or self._about_build(event)
        self._tracker.apply(event, now_s)
        if lines:
            # The frame below these lines is brought up to date by the next tick.
            self._console.print(*map(_styled, lines), sep="\n", soft_wrap=True)

    def _about_step(self, event: Event, now_s: float) -> list[Line]:
        """The permanent lines that `event` leaves."""
        symbols = self._symbols
        match event:
            case StepStarted() if self._options.verbosity:
                return [line(Part(f"  {one_line(event.step)}  log: {one_line(event.log)}", Tone.FAINT))]
            case StepFinished():
                return self._finished(event, now_s)
            case StepFailed():
                state = self._tracker.running(event.step, now_s)
                return failure_lines(event, took_s=state.elapsed_s if state else None, symbols=symbols)
            case StepSkipped():
                return [_ended(symbols.skipped, Tone.FAINT, event.step, f"skipped: {skip_reason(event)}")]
            case _:
                return []

    def _finished(self, event: StepFinished, now_s: float) -> list[Line]:
        done = self._symbols.done
        if not event.cached:
            return [_ended(done, Tone.GOOD, event.step, finished_text(event))]
        if self._tracker.running(event.step, now_s):
            return [_ended(done, Tone.GOOD, event.step, "made by another builder")]
        return [_ended(done, Tone.FAINT, event.step, "cached")] if self._options.verbosity else []

    def _about_build(self, event: Event) -> list[Line]:
        match event:
            case PlanMade():
                return [line(Part(plan_text(event), Tone.FAINT))]
            case Warned():
                return warning_lines(event)
            case ArtifactWritten() if self._tracker.is_over:
                return artifact_lines([event])
            case BuildFinished():
                return summary_lines(event, self._tracker, self._symbols)
            case _:
                return []

    def _draw(self) -> None:
        self._console.size = ConsoleDimensions(*self._size())
        self._live.update(self._frame(), refresh=True)

    def _frame(self) -> Text:
        if self._hidden or self._tracker.is_over:
            return Text()
        view = self._tracker.view(self._options.clock.monotonic_s())
        columns, rows = self._size()
        return Text("\n").join(map(_styled, frame_lines(view, columns=columns, rows=rows, symbols=self._symbols)))

    def _size(self) -> os.terminal_size:
        """Columns and rows as they are now: the user may resize the window. Standard output may be another terminal."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            size = _DEFAULT_SIZE
        # A pseudo-terminal that nobody gave a size says 0.
        columns = self._options.console_width or size.columns or _DEFAULT_SIZE.columns
        return os.terminal_size((columns, size.lines or _DEFAULT_SIZE.lines))


def _ended(sign: str, tone: Tone, step: str, text: str) -> Line:
    return line(Part(sign, tone), one_line(step), Part(f"  {text}", Tone.FAINT))


def _styled(one: Line) -> Text:
    return Text.assemble(*((part.text, part.tone.value) for part in one), no_wrap=True, end="")


def _console(stream: SafeStream, environment: Mapping[str, str], size: os.terminal_size) -> Console:
    return Console(
        file=cast("IO[str]", stream),
        force_terminal=True,
        force_interactive=True,
        # Sixteen colours: those that the user chose for this terminal.
        color_system="standard",
        no_color=bool(environment.get("NO_COLOR")),
        width=size.columns,
        height=size.lines,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={"TERM": environment.get("TERM", "")},
    )
