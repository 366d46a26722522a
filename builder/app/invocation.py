"""A command of the builder as it was given."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A command line, and when it was given (`begin_s`, seconds since the epoch)."""

    arguments: Sequence[str]
    begin_s: float
