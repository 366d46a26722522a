"""Applies hunks exactly, or shows what does not fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.gobuild.diff import Hunk

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A hunk that does not fit, and lines that show what it expects against what is there, around line `at` (from 1)."""

    hunk: Hunk
    at: int
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The patched lines, how many lines each moved hunk was off (by its line in the diff), and what did not fit."""

    lines: tuple[str, ...]
    moved: dict[int, int]
    misfits: tuple[Misfit, ...]


def apply_hunks(lines: Sequence[str], hunks: Sequence[Hunk]) -> Applied:
    """Apply all of `hunks` to `lines`; those that do not fit are left out and told.

    The lines that a hunk expects have to be there exactly, white space included. They may lie elsewhere than it says if
    they are in one place only: a release that adds lines above them is no reason to make a patch anew.
    """
    result: list[str] = []
    moved: dict[int, int] = {}
    misfits: list[Misfit] = []
    cursor = 0
    for hunk in hunks:
        stated = hunk.start - 1 if hunk.old else hunk.start
        places = _places(lines, hunk.old, cursor)
        place = stated if stated in places else places[0] if len(places) == 1 else None
        if place is None:
            misfits.append(_misfit(lines, hunk, stated, places))
            continue
        if place != stated:
            moved[hunk.line] = place - stated
        result += [*lines[cursor:place], *hunk.new]
        cursor = place + len(hunk.old)
    return Applied(lines=(*result, *lines[cursor:]), moved=moved, misfits=tuple(misfits))


def _places(lines: Sequence[str], wanted: Sequence[str], start: int) -> list[int]:
    """Where in `lines` from index `start` all of `wanted` stand; an insertion without any context fits nowhere."""
    if not wanted:
        return [0] if not lines else []
    last = len(lines) - len(wanted)
    return [
        at for at in range(start, last + 1) if lines[at] == wanted[0] and [*lines[at : at + len(wanted)]] == [*wanted]
    ]


def _misfit(lines: Sequence[str], hunk: Hunk, stated: int, places: Sequence[int]) -> Misfit:
    if not hunk.old:
        return Misfit(hunk=hunk, at=stated, shown=("it adds lines, but shows none around them to find the place by",))
    if places:
        where = ", ".join(str(place + 1) for place in places)
        return Misfit(hunk=hunk, at=stated + 1, shown=(f"not there, and elsewhere more than once: at lines {where}",))
    earlier = _places(lines, hunk.old, 0)
    if earlier:
        words = f"it fits line {earlier[0] + 1}, which is before or inside of a hunk above it"
        return Misfit(hunk=hunk, at=earlier[0] + 1, shown=(words,))
    best = _most_alike(lines, hunk.old, stated)
    return Misfit(hunk=hunk, at=best + 1, shown=tuple(_compared(lines, hunk.old, best)))


def _most_alike(lines: Sequence[str], wanted: Sequence[str], stated: int) -> int:
    """The index where most of `wanted` fits, the nearest to `stated` of several."""

    def alike(at: int) -> tuple[int, int]:
        same = sum(one == other for one, other in zip(lines[at : at + len(wanted)], wanted, strict=False))
        return same, -abs(at - stated)

    return max(range(max(len(lines), 1)), key=alike)


def _compared(lines: Sequence[str], wanted: Sequence[str], at: int) -> list[str]:
    """The first lines that differ, each as expected and as found, between a line before and one after."""
    found = [*lines[at : at + len(wanted)], *[None] * max(at + len(wanted) - len(lines), 0)]
    different = [offset for offset, line in enumerate(wanted) if line != found[offset]]
    last = different[_MOST_SHOWN - 1] if len(different) > _MOST_SHOWN else different[-1] + 1
    shown = []
    for offset in range(max(different[0] - 1, 0), min(last + 1, len(wanted))):
        number, expected = f"{at + offset + 1:6}", _visible(wanted[offset])
        if offset in different:
            there = found[offset]
            shown.append(f"{number}  expected:  {expected}")
            shown.append(f"{'':6}  found:     {'the end of the file' if there is None else _visible(there)}")
        else:
            shown.append(f"{number}             {expected}")
    return [*shown, f"{'':6}  and {len(different) - _MOST_SHOWN} more lines"] if len(different) > _MOST_SHOWN else shown


def _visible(line: str) -> str:
    """The line with tabs as they are, other control characters and spaces at its end made visible."""
    text = line.removesuffix("\n")
    bare = text.rstrip(" \t\r")
    end = text[len(bare) :].replace(" ", "·").replace("\t", "→").replace("\r", "\\r")
    missing = "" if line.endswith("\n") else " (without a line feed)"
    return "".join(one if one.isprintable() or one == "\t" else repr(one)[1:-1] for one in bare) + end + missing
