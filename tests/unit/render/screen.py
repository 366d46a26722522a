"""A terminal, as far as the renderer uses one, so that tests see what a person sees."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])|\x1b.|[\s\S]")


class Screen:
    """Characters in rows without an end, a cursor, and wrapping at `columns`, with the wrap put off as real ones do."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[str]] = [[]]
        self.row = 0
        self.column = 0
        self.cursor_is_visible = True
        self.styles: set[str] = set()

    @property
    def lines(self) -> list[str]:
        """The rows without the spaces and empty rows at their end."""
        texts = ["".join(row).rstrip() for row in self.rows]
        while texts and not texts[-1]:
            texts.pop()
        return texts

    def feed(self, text: str) -> None:
        for match in _TOKEN.finditer(text):
            if match[3]:
                self._control(match[1], match[2], match[3])
            elif match[0] == "\r":
                self.column = 0
            elif match[0] == "\n":
                self._line_feed()
            elif match[0].startswith("\x1b"):
                raise AssertionError(f"unexpected escape {match[0]!r}")
            else:
                self._put(match[0])

    def _line_feed(self) -> None:
        self.row += 1
        while len(self.rows) <= self.row:
            self.rows.append([])

    def _put(self, letter: str) -> None:
        assert letter.isprintable(), repr(letter)
        if self.column >= self.columns:
            self.column = 0
            self._line_feed()
        row = self.rows[self.row]
        row.extend(" " * (self.column + 1 - len(row)))
        row[self.column] = letter
        self.column += 1

    def _control(self, private: str, numbers: str, kind: str) -> None:
        match private + numbers, kind:
            case "?25", "l" | "h":
                self.cursor_is_visible = kind == "h"
            case "2", "K":
                self.rows[self.row] = []
            case count, "A":
                self.row -= int(count or "1")
                assert self.row >= 0, "the cursor left the screen"
            case styles, "m":
                self.styles.update(styles.split(";"))
            case other:
                raise AssertionError(f"unexpected control {other}")


def screens(text: str, columns: int) -> Iterator[Screen]:
    """The screen after each refresh: whenever the cursor is about to return."""
    screen = Screen(columns)
    for part in re.split(r"(?=\r\x1b\[2K)", text):
        screen.feed(part)
        yield screen
