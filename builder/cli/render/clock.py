"""Time, as an argument."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Two clocks: `monotonic_s` for durations, `epoch_s` (seconds since 1970) for the date of an event."""

    monotonic_s: Callable[[], float] = time.monotonic
    epoch_s: Callable[[], float] = time.time
