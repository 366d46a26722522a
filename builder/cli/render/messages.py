"""What is said about a build, line by line; the human modes differ only in what they put around it."""

from collections.abc import Iterable, Sequence

from builder.cli.render.layout import Line, Part, Tone, line
from builder.cli.render.symbols import Symbols
from builder.cli.render.text import clean, count, display_width, format_bound, format_duration, one_line, pad
from builder.cli.render.tracker import Tracker
from builder.core.events import (
    ArtifactWritten,
    BuildFinished,
    PlanMade,
    StepFailed,
    StepFinished,
    StepProgress,
    StepSkipped,
    Warned,
)
from builder.core.resources import format_size

_DIGEST_LETTERS = 12


def plan_text(event: PlanMade) -> str:
    """`57 steps: 45 cached, 12 to run, about 4 min of work`."""
    to_run = event.steps - event.cached
    text = f"{count(event.steps, 'step')}: {event.cached} cached, {to_run} to run"
    if event.estimate_s is None or not to_run:
        return text
    return f"{text}, {format_bound(event.estimate_s, is_lower_bound=event.unknown > 0)} of work"


def progress_text(progress: Iterable[StepProgress]) -> str:
    """`120/298 modules, 34.0 MiB downloaded`."""
    return ", ".join(_progress(one) for one in progress)


def _progress(event: StepProgress) -> str:
    is_size = event.unit == "bytes"
    done = format_size(event.done) if is_size else str(event.done)
    if event.total is not None:
        done = f"{done} of {format_size(event.total)}" if is_size else f"{done}/{event.total}"
    if event.what == "download" and is_size:
        return f"{done} downloaded"
    unit = "" if is_size else f" {event.unit}"
    text = f"{done}{unit}" if event.what == event.unit else f"{one_line(event.what)} {done}{unit}"
    if event.rate is not None:
        text += f", {format_size(int(event.rate)) if is_size else f'{event.rate:.1f}{unit}'}/s"
    return text if event.left_s is None else f"{text}, {format_bound(event.left_s, is_lower_bound=False)} left"


def finished_text(event: StepFinished) -> str:
    """`1 min 12 s, peak 4.2 GiB, 34.0 MiB downloaded`."""
    parts = [format_duration(event.duration_s)]
    if event.peak_memory_bytes:
        parts.append(f"peak {format_size(event.peak_memory_bytes)}")
    if event.downloaded_bytes:
        parts.append(f"{format_size(event.downloaded_bytes)} downloaded")
    return ", ".join(parts)


def skip_reason(event: StepSkipped) -> str:
    """`toolchain/go failed`."""
    return f"{one_line(event.because_of)} failed"


def warning_lines(event: Warned) -> list[Line]:
    """The warning, its further lines indented."""
    first, *others = clean(event.message).splitlines() or [""]
    return [line(Part("warning: ", Tone.WARNING), first), *(line(f"  {text}") for text in others)]


def failure_lines(event: StepFailed, *, took_s: float | None, symbols: Symbols) -> list[Line]:
    """A failed step: what, the last lines, the command, the log, the hint.

    The command stands alone in its line and begins in its first column, so that it can be selected and pasted whole.
    """
    after = "" if took_s is None else f" after {format_duration(took_s)}"
    status = f"exit status {event.exit_status}"
    brief = clean(event.brief)
    if event.exit_status is not None and status not in brief:
        brief = f"{brief} ({status})"
    title = f"{symbols.failed}{one_line(event.step)} failed{after}: "
    lines = [line(Part(title, Tone.BAD), brief)]
    lines += [line(f"    {text}") for detail in event.details for text in clean(detail).splitlines() or [""]]
    if event.command:
        lines += [line(Part("  to run it again by hand:", Tone.FAINT)), line(clean(event.command))]
    if event.log:
        lines.append(line(Part("  log: ", Tone.FAINT), one_line(event.log)))
    if event.hint:
        first, *others = clean(event.hint).splitlines()
        lines += [line(Part("  hint: ", Tone.STRONG), first), *(line(f"        {text}") for text in others)]
    return lines


def summary_lines(event: BuildFinished, tracker: Tracker, symbols: Symbols) -> list[Line]:
    """The end of a build: how many steps went how, what failed, what was written where."""
    lines = [_result(event, tracker.downloaded_bytes, symbols)]
    for failure in tracker.failures:
        log = f", log: {one_line(failure.log)}" if failure.log else ""
        lines.append(line(Part("  failed: ", Tone.BAD), f"{one_line(failure.step)}{log}"))
    return lines + artifact_lines(tracker.artifacts)


def _result(event: BuildFinished, downloaded_bytes: int, symbols: Symbols) -> Line:
    took = format_duration(event.duration_s)
    counts = [("built", event.built), ("cached", event.cached), ("failed", event.failed), ("skipped", event.skipped)]
    told = ", ".join(f"{number} {word}" for word, number in counts if number or word in {"built", "cached"})
    if downloaded_bytes:
        told += f", {format_size(downloaded_bytes)} downloaded"
    if not event.ok:
        end = "failed" if event.failed else "stopped"
        return line(Part(f"{symbols.failed}build {end} after {took}: ", Tone.BAD), told)
    if not event.built:
        told = f"nothing to do, {count(event.cached, 'step')} cached"
    return line(Part(f"{symbols.done}done in {took}: ", Tone.GOOD), told)


def artifact_lines(artifacts: Sequence[ArtifactWritten]) -> list[Line]:
    """One aligned line per file: path, size, the beginning of its digest."""
    rows = [(one_line(one.path), format_size(one.size_bytes), one) for one in artifacts]
    path_columns = max((display_width(path) for path, _, _ in rows), default=0)
    size_columns = max((len(size) for _, size, _ in rows), default=0)
    return [
        line(
            f"  {pad(path, path_columns)}  {size:>{size_columns}}  ",
            Part(one.digest.removeprefix("sha256:")[:_DIGEST_LETTERS], Tone.FAINT),
            *([] if one.changed else [Part("  unchanged", Tone.FAINT)]),
        )
        for path, size, one in rows
    ]
