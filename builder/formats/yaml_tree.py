"""A YAML document as a tree whose every key and value knows where it was written."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

YamlScalar: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What was read: `name` is how people know it, `base` the directory that relative paths inside it start from."""

    name: str
    base: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A position in a source. `line` and `column` count from 1; both are 0 where the source as a whole is meant."""

    source: Source
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}" if self.line else self.source.name

    @property
    def at_line(self) -> str:
        """The place without its column."""
        return f"{self.source.name}:{self.line}" if self.line else self.source.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake, and where it stands."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode:
    """A single value. `text` is what was written; `plain` says that it stood there without quotes."""

    place: Place
    value: YamlScalar
    text: str
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNode:
    """A list."""

    place: Place
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value of a mapping, and the place of its key."""

    key_place: Place
    value: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapNode:
    """A mapping, in the order in which its keys were written. Keys are always text, whatever they look like."""

    place: Place
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedNode:
    """What is left of an inherited value that a later file drops with `null`."""

    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenNode:
    """What is left of a value that is a mistake in itself: its problem is recorded, nothing more is said about it."""

    place: Place


Node: TypeAlias = ScalarNode | ListNode | MapNode | DroppedNode | BrokenNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What reading a source gave: a tree, mistakes, or both.

    `root` is None where no tree could be made; then there is at least one problem.
    """

    source: Source
    root: Node | None
    problems: tuple[Problem, ...]


def shown_path(path: Path, cwd: Path) -> str:
    """`path` for people: relative inside `cwd`, absolute elsewhere; what a terminal cannot print is escaped."""
    absolute = os.path.normpath(cwd / path)
    inside = absolute.startswith(f"{cwd}{os.sep}") if str(cwd) != os.sep else False
    text = os.path.relpath(absolute, cwd) if inside or absolute == str(cwd) else absolute
    readable = os.fsencode(text).decode("utf-8", "backslashreplace")
    return readable if readable.isprintable() else repr(readable)[1:-1]
