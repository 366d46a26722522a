"""Unified diffs, read strictly.

Own code: the libraries that read diffs (unidiff, whatthepatch) pass over lines that they do not understand, so that a
damaged hunk header silently loses the hunk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from builder.core.errors import RecipeError

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NOTHING = "/dev/null"
_NO_NEWLINE = "\\ No newline at end of file"
# What git writes about changes that lines cannot express.
_UNSUPPORTED = ("GIT binary patch", "Binary files ", "rename from ", "copy from ", "old mode ")
# What may follow a hunk though it begins as a line of one: the end of a mail as git writes it.
_SIGNATURE = "-- "


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """A hunk: its `line` in the diff, the first line `start` (from 1) that it is about, what it expects and what it puts there.

    Lines hold their ends.
    """

    line: int
    start: int
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """All hunks of one file, whose path `target` is relative to the root of what is patched."""

    line: int
    target: str
    creates: bool
    deletes: bool
    hunks: tuple[Hunk, ...]


def split_lines(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends a line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def parse_diff(text: str, name: str) -> tuple[FileDiff, ...]:
    """The changes in `text`, the content of the file that people know as `name`; `RecipeError` names the line."""
    parser = _Parser(split_lines(text), name)
    files = parser.files()
    if not files:
        raise RecipeError(
            f"{name}: there is no change in it", hint="a patch is a unified diff, as 'git diff' writes it"
        )
    return files


class _Parser:
    """Goes through the lines of a diff once."""

    def __init__(self, lines: Sequence[str], name: str) -> None:
        self._lines = lines
        self._name = name
        self._at = 0

    def files(self) -> tuple[FileDiff, ...]:
        found = []
        while self._at < len(self._lines):
            if self._peek().startswith("--- ") and self._peek(1).startswith("+++ "):
                found.append(self._file())
            else:
                self._skip()
        return tuple(found)

    def _peek(self, ahead: int = 0) -> str:
        index = self._at + ahead
        return self._lines[index] if index < len(self._lines) else ""

    def _skip(self) -> None:
        """Pass over a line between the changes of two files: there is room for words."""
        line = self._peek()
        if line.startswith("@@"):
            raise self._error("a hunk that belongs to no file, or whose header is damaged")
        if line.startswith(_UNSUPPORTED):
            raise self._error(f"a change that is not one of lines: {line.strip()}")
        self._at += 1

    def _file(self) -> FileDiff:
        line = self._at + 1
        old, new = self._path("--- "), self._path("+++ ")
        if _NOTHING not in (old, new) and old != new:
            raise self._error(f"it renames {old} to {new}", line)
        target = new if old == _NOTHING else old
        if target == _NOTHING or PurePosixPath(target).is_absolute() or ".." in PurePosixPath(target).parts:
            raise self._error(f"{target} is no path in a module", line)
        hunks = []
        while self._peek().startswith("@@"):
            hunks.append(self._hunk())
        if not hunks:
            raise self._error(f"no hunk for {target}", line)
        after = self._peek()
        if after.startswith(("+", "-", " ")) and not after.startswith(("--- ", _SIGNATURE)):
            raise self._error("the hunk before has more lines than its header says")
        return FileDiff(line=line, target=target, creates=old == _NOTHING, deletes=new == _NOTHING, hunks=tuple(hunks))

    def _path(self, marker: str) -> str:
        """The path in a line such as `--- a/server.go<tab>time`, without the first directory that git adds."""
        path = self._peek().removeprefix(marker).rstrip("\r\n").split("\t")[0].rstrip()
        if path.startswith('"'):
            raise self._error(f"a path in quotes: {path}")
        self._at += 1
        return path if path == _NOTHING else re.sub(r"^[ab]/", "", path)

    def _hunk(self) -> Hunk:
        line = self._at + 1
        header = _HUNK.match(self._peek())
        if header is None:
            raise self._error("not the header of a hunk (@@ -LINE,COUNT +LINE,COUNT @@)")
        start = int(header[1])
        old_count, new_count = (1 if header[group] is None else int(header[group]) for group in (2, 4))
        self._at += 1
        old: list[str] = []
        new: list[str] = []
        while len(old) < old_count or len(new) < new_count:
            self._row(old, new, f"the hunk says {old_count} old and {new_count} new lines, but has {{}} and {{}}", line)
        if self._peek().startswith(_NO_NEWLINE):
            self._at += 1
            _cut_newline(self._lines[self._at - 2], old, new)
        return Hunk(line=line, start=start, old=tuple(old), new=tuple(new))

    def _row(self, old: list[str], new: list[str], complaint: str, line: int) -> None:
        row = self._peek()
        if row.startswith(_NO_NEWLINE):
            _cut_newline(self._lines[self._at - 1], old, new)
        elif row.startswith("-"):
            old.append(row[1:])
        elif row.startswith("+"):
            new.append(row[1:])
        elif row.startswith(" ") or row == "\n":  # editors cut the blank of an empty line
            text = row.removeprefix(" ")
            old.append(text)
            new.append(text)
        else:
            raise self._error(complaint.format(len(old), len(new)), line)
        self._at += 1

    def _error(self, message: str, line: int = 0) -> RecipeError:
        return RecipeError(
            f"{self._name}:{line or self._at + 1}: {message}",
            hint="make the patch again with 'git diff' or 'diff -u' rather than by hand",
        )


def _cut_newline(row: str, old: list[str], new: list[str]) -> None:
    """The row before a `No newline at end of file` has no line feed on the sides that it belongs to."""
    for sign, lines in (("-", old), ("+", new)):
        if lines and (row.startswith((sign, " "))):
            lines[-1] = lines[-1].removesuffix("\n")
