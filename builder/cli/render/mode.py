"""Which way of showing a build fits where its output goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

_NO = frozenset({"", "0", "false", "no"})
# Terminals that cannot move their cursor.
_DUMB = frozenset({"", "dumb", "unknown"})


class Mode(StrEnum):
    """A way of showing events."""

    TERMINAL = "terminal"
    PLAIN = "plain"
    JSON = "json"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderFlags:
    """What the user asked for: `--events json` and `-q`."""

    json_events: bool = False
    quiet: bool = False


class MaybeTerminal(Protocol):
    """A stream that knows whether it is a terminal."""

    def isatty(self) -> bool:
        """Whether it is one."""


def choose_mode(stream: MaybeTerminal, environment: Mapping[str, str], flags: RenderFlags) -> Mode:
    """The mode for `stream`: flags win (JSON over quiet), then a terminal is live unless it is dumb or belongs to a CI."""
    if flags.json_events:
        return Mode.JSON
    if flags.quiet:
        return Mode.QUIET
    in_ci = environment.get("CI", "").lower() not in _NO
    if stream.isatty() and not in_ci and environment.get("TERM", "") not in _DUMB:
        return Mode.TERMINAL
    return Mode.PLAIN
