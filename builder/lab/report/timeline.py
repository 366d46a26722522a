"""The timeline of a scenario as a drawing: a bar for each machine, coloured by stage, and marks for what was done to it."""

from collections.abc import Iterator, Sequence
from html import escape

from builder.lab.result import ScenarioResult
from builder.lab.stages import ORDER, Stage
from builder.lab.status import BootStatus, LabStatus

_WIDTH, _LEFT, _RIGHT = 1000, 110, 20
_TOP, _ROW, _BAR = 24, 40, 16
_MOST_TICKS = 12
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_MINUTE_S = 60
# What a bar shows anyway.
_SHOWN = ("power on",)
_LONGEST_NAME = 14


def timeline_svg(result: ScenarioResult) -> str:
    """The drawing of `result`, whose lab was made."""
    lab = result.lab
    if lab is None:
        return ""
    names = [machine.name for machine in lab.machines]
    height = _TOP + _ROW * (len(names) + 1) + 8
    scale = _Scale(max(lab.now_s, 1.0))
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="timeline of {escape(result.name)}">',
        *_axis(scale, height),
        *_steps(result, scale),
    ]
    for row, name in enumerate(names, 1):
        top = _TOP + row * _ROW
        parts.append(_text(8, top + _BAR, name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"))
        boots = [boot for boot in lab.boots if boot.machine == name]
        for boot in boots:
            parts += _bar(boot, top, scale, lab.now_s)
        parts += _marks(lab, name, top, scale)
    return "\n".join([*parts, "</svg>"])


class _Scale:
    """From seconds to the drawing's units."""

    def __init__(self, end_s: float) -> None:
        self.end_s = end_s

    def x(self, seconds: float) -> float:
        """Where `seconds` lies."""
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(seconds / self.end_s, 0.0), 1.0)


def _axis(scale: _Scale, height: int) -> Iterator[str]:
    tick_s = next((tick for tick in _TICKS_S if scale.end_s / tick <= _MOST_TICKS), _TICKS_S[-1])
    for number in range(int(scale.end_s // tick_s) + 1):
        x, seconds = scale.x(number * tick_s), number * tick_s
        minutes, rest = divmod(seconds, _MINUTE_S)
        label = f"{minutes}:{rest:02}"
        yield f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{height - 4}" stroke="var(--line)"/>'
        yield f'<text class="soft" x="{x:.1f}" y="12" text-anchor="middle">{label}</text>'


def _steps(result: ScenarioResult, scale: _Scale) -> Iterator[str]:
    yield _text(8, _TOP + _BAR, "steps")
    for step in result.steps:
        start, end = scale.x(step.began_s), scale.x(step.began_s + step.took_s)
        colour = "var(--bad)" if step.failure else "var(--soft)"
        yield (
            f'<rect x="{start:.1f}" y="{_TOP + 4}" width="{max(end - start - 1, 2):.1f}" height="{_BAR}" rx="3"'
            f' fill="{colour}" opacity="0.35"><title>{step.number}. {escape(step.what)}: {step.took_s:.0f} s</title></rect>'
        )
        if end - start > _MINUTE_S / 3:
            yield f'<text x="{(start + end) / 2:.1f}" y="{_TOP + _BAR}" text-anchor="middle">{step.number}</text>'


def _bar(boot: BootStatus, top: int, scale: _Scale, now_s: float) -> Iterator[str]:
    """What a machine was at, from one stage to the next; before the first one it is an outline."""
    end_s = boot.ended_s if boot.ended_s is not None else now_s
    start = scale.x(boot.began_s)
    yield (
        f'<rect x="{start:.1f}" y="{top + 4}" width="{max(scale.x(end_s) - start, 2):.1f}" height="{_BAR}" rx="3"'
        f' fill="none" stroke="var(--line)"/>'
    )
    reached: Sequence[tuple[Stage, float]] = [(stage, boot.stages[stage]) for stage in ORDER if stage in boot.stages]
    for index, (stage, at_s) in enumerate(reached):
        until_s = reached[index + 1][1] if index + 1 < len(reached) else end_s
        width = scale.x(until_s) - scale.x(at_s)
        if width <= 0:
            continue
        after = f"{at_s - boot.began_s:.0f} s after power-on"
        yield (
            f'<rect x="{scale.x(at_s):.1f}" y="{top + 4}" width="{max(width, 1):.1f}" height="{_BAR}"'
            f' fill="var(--{stage.value})"><title>{escape(boot.machine)}: {stage.value}, {after}</title></rect>'
        )
    if boot.trouble:
        yield _text(scale.x(end_s), top + _BAR, "✗", f"<title>{escape(boot.trouble)}</title>")


def _marks(lab: LabStatus, name: str, top: int, scale: _Scale) -> Iterator[str]:
    for one in lab.happenings:
        if one.machine == name and one.what not in _SHOWN:
            x = scale.x(one.at_s)
            yield (
                f'<path d="M{x:.1f} {top + 2} l-4 -7 h8 z" fill="var(--mark)">'
                f"<title>{escape(one.what)} at {one.at_s:.0f} s</title></path>"
            )


def _text(x: float, y: float, text: str, inside: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y}">{escape(text)}{inside}</text>'
