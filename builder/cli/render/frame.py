"""The part of a terminal that changes: a line per running step and a bar for the whole build. Pure."""

from builder.cli.render.layout import Line, Part, Tone, line
from builder.cli.render.messages import progress_text
from builder.cli.render.symbols import Symbols
from builder.cli.render.text import cut_end, cut_start, display_width, format_timer, one_line, pad
from builder.cli.render.tracker import RunningStep, View
from builder.core.resources import format_size

_SPINNER_S = 0.1
_GAP = 2
_SHORTEST_TEXT = 12
_LONGEST_BAR = 20
_SHORTEST_BAR = 10


def frame_lines(view: View, *, columns: int, rows: int, symbols: Symbols) -> list[Line]:
    """`view` in at most `rows` lines that are each shorter than `columns`, so that no terminal wraps them.

    Where there are more steps than rows, the longest running ones are shown and the others counted.
    """
    width = max(columns - 1, 1)
    bar = _bar(view, width, symbols)
    # One row stays free for the prompt's line above the frame.
    room = max(rows - 2, 1)
    shown = view.running if len(view.running) <= room else view.running[: room - 1]
    lines = _step_lines(shown, view.elapsed_s, width, symbols)
    if len(shown) < len(view.running):
        lines.append(line(Part(cut_end(f"  and {len(view.running) - len(shown)} more", width, ""), Tone.FAINT)))
    return [*lines, bar]


def _step_lines(steps: tuple[RunningStep, ...], elapsed_s: float, width: int, symbols: Symbols) -> list[Line]:
    """`⠋ edge/armv7/executable  120/298 packages     1:12 of ~4:30`, in aligned columns."""
    timers = [_timer(one) for one in steps]
    timer_columns = max(map(len, timers), default=0)
    names = [one_line(one.step) for one in steps]
    name_columns = max(map(display_width, names), default=0)
    room = width - 2 - _GAP - timer_columns
    text_columns = room - min(name_columns, room // 2) - _GAP
    if text_columns < _SHORTEST_TEXT:
        text_columns = 0
    name_columns = min(name_columns, room - text_columns - (_GAP if text_columns else 0))
    if name_columns < 1:
        return [line(cut_start(name, width, symbols.ellipsis)) for name in names]
    sign = symbols.spinner[int(elapsed_s / _SPINNER_S) % len(symbols.spinner)]
    lines = []
    for one, name, timer in zip(steps, names, timers, strict=True):
        text = cut_end(_doing(one), text_columns, symbols.ellipsis) if text_columns else ""
        lines.append(
            line(
                Part(symbols.waiting if one.is_waiting else sign, Tone.GOOD),
                " " + pad(cut_start(name, name_columns, symbols.ellipsis), name_columns),
                Part(" " * _GAP + pad(text, text_columns) if text_columns else "", Tone.FAINT),
                " " * _GAP + timer.rjust(timer_columns),
            )
        )
    return lines


def _doing(one: RunningStep) -> str:
    return progress_text(one.progress) if one.progress else one_line(one.reason)


def _timer(one: RunningStep) -> str:
    """`1:12`, `1:12 of ~4:30`, or `5:10, was 4:30` once it takes longer than it did."""
    elapsed = format_timer(one.elapsed_s)
    if one.estimate_s is None or one.is_waiting:
        return elapsed
    if one.elapsed_s > one.estimate_s + 1:
        return f"{elapsed}, was {format_timer(one.estimate_s)}"
    return f"{elapsed} of ~{format_timer(one.estimate_s)}"


def _bar(view: View, width: int, symbols: Symbols) -> Line:
    """`━━━━────  12/57 steps · 45 cached · 34.0 MiB downloaded · 1:12 · about 4 min left`, as much as has room."""
    # The width of the terminal alone decides, so that the bar does not jump whenever a number gets longer.
    bar_columns = min(_LONGEST_BAR, width // 5)
    if bar_columns < _SHORTEST_BAR or not view.total:
        bar_columns = 0
    room = width - bar_columns - (_GAP if bar_columns else 0)
    separator = f" {symbols.dot} "
    text = cut_end(separator.join(_fitting_facts(view, room, separator)), room, symbols.ellipsis)
    if not bar_columns:
        return line(text)
    full = bar_columns * min(view.done, view.total) // view.total
    done, still_open = symbols.bar
    return line(Part(done * full, Tone.GOOD), Part(still_open * (bar_columns - full), Tone.FAINT), " " * _GAP, text)


def _fitting_facts(view: View, width: int, separator: str) -> list[str]:
    """What is said beside the bar; the least important is left out first, the order stays."""
    steps = f"{view.done}/{view.total} steps" if view.total else "planning"
    # Each with its rank: 0 is always said.
    facts = [(0, steps), (4, f"{view.cached} cached" if view.cached else "")]
    facts.append((3, f"{format_size(view.downloaded_bytes)} downloaded" if view.downloaded_bytes else ""))
    facts += [(1, format_timer(view.elapsed_s)), (2, str(view.outlook) if view.outlook else "")]
    facts = [(rank, fact) for rank, fact in facts if fact]
    while len(facts) > 1 and display_width(separator.join(fact for _, fact in facts)) > width:
        facts.remove(max(facts))
    return [fact for _, fact in facts]
