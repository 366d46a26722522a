"""Words, numbers and widths for people."""

import re
import unicodedata

_MINUTE_S = 60
_HOUR_S = 3600
_FEW = "a few seconds"
# ECMA-48 control sequences, and operating system commands (window titles, links) up to their end.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def display_width(text: str) -> int:
    """The columns that `text` takes on a terminal: two for wide East Asian letters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """`text` filled up with spaces to `columns`."""
    return text + " " * (columns - display_width(text))


def cut_end(text: str, columns: int, ellipsis: str) -> str:
    """`text` in at most `columns`; what does not fit is left out at its end."""
    if display_width(text) <= columns:
        return text
    kept = columns - len(ellipsis)
    used = 0
    for index, letter in enumerate(text):
        used += _columns(letter)
        if used > kept:
            return text[:index] + ellipsis[: max(columns, 0)]
    return text


def cut_start(text: str, columns: int, ellipsis: str) -> str:
    """`text` in at most `columns`; what does not fit is left out at its start, as the end of a step's id says most."""
    if display_width(text) <= columns:
        return text
    kept = columns - len(ellipsis)
    start = len(text)
    while start and kept >= _columns(text[start - 1]):
        start -= 1
        kept -= _columns(text[start])
    return ellipsis[: max(columns, 0)] + text[start:]


def clean(text: str) -> str:
    """`text` that cannot move the cursor or change colours: the output of other programs ends up in messages.

    Control sequences are removed, other control characters (but newlines and tabs) are written as escapes.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def one_line(text: str) -> str:
    """`clean(text)` with newlines and tabs as spaces."""
    return clean(text).replace("\n", " ").replace("\t", " ")


def count(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_duration(duration_s: float) -> str:
    """A measured duration: `0.3 s`, `42 s`, `1 min 12 s`, `2 h 5 min`."""
    if round(duration_s, 1) < 10:  # noqa: PLR2004 - the first number with two digits
        return f"{duration_s:.1f} s"
    seconds = round(duration_s)
    if seconds < _MINUTE_S:
        return f"{seconds} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min {seconds % _MINUTE_S} s"
    minutes = round(duration_s / _MINUTE_S)
    return f"{minutes // 60} h {minutes % 60} min"


def format_timer(duration_s: float) -> str:
    """A running duration in few columns: `0:07`, `1:12`, `2:05:00`."""
    seconds = int(duration_s)
    hours, rest = divmod(seconds, _HOUR_S)
    minutes, seconds = divmod(rest, _MINUTE_S)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def format_bound(duration_s: float, *, is_lower_bound: bool) -> str:
    """`about 4 min`, `at least 4 min`, or `a few seconds`, which is vague enough by itself."""
    estimate = format_estimate(duration_s)
    if is_lower_bound:
        return f"at least {estimate}"
    return estimate if estimate == _FEW else f"about {estimate}"


def format_estimate(duration_s: float) -> str:
    """An expected duration, no more precise than it can be: `a few seconds`, `40 s`, `4 min`, `25 min`, `1 h 10 min`."""
    if duration_s < 10:  # noqa: PLR2004 - below the first step of ten seconds
        return _FEW
    if duration_s < 55:  # noqa: PLR2004 - what rounds to less than a minute
        return f"{round(duration_s / 10) * 10} s"
    minutes = round(duration_s / _MINUTE_S)
    if minutes < 10:  # noqa: PLR2004 - minutes count one by one up to here
        return f"{minutes} min"
    if minutes < 58:  # noqa: PLR2004 - what rounds to less than an hour
        return f"{round(minutes / 5) * 5} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
