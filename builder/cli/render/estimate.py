"""How long a build will still take, as far as earlier runs can tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.cli.render.text import format_bound

# "At least a few seconds" tells nobody anything.
_WORTH_TELLING_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningWork:
    """A step that runs since `elapsed_s`; `estimate_s` is how long it took before, None where that is unknown."""

    estimate_s: float | None
    elapsed_s: float

    @property
    def left_s(self) -> float:
        """What is left of the estimate, 0 when there is none or it is used up."""
        return max(0.0, (self.estimate_s or 0.0) - self.elapsed_s)

    @property
    def is_uncertain(self) -> bool:
        """Whether the end of this step cannot be told: it never ran before, or takes longer than it did."""
        return self.estimate_s is None or self.elapsed_s > self.estimate_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The steps that have not begun: the sum of their estimates, and how many have none."""

    estimate_s: float = 0.0
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The time that is left; `is_lower_bound` where some of the work is unknown."""

    left_s: float
    is_lower_bound: bool

    def __str__(self) -> str:
        return f"{format_bound(self.left_s, is_lower_bound=self.is_lower_bound)} left"


def outlook(running: Sequence[RunningWork], pending: Pending, *, average_lanes: float) -> Outlook | None:
    """The time until all work is done, None where nothing worth telling is known.

    All work that is left is divided by the number of steps that run side by side: the average so far, but no more than
    run now, because a build that waits for one long step will not speed up before that has ended. No step ends sooner
    than its own estimate says, so the longest one is the least that is left.
    """
    is_lower_bound = pending.unknown > 0 or any(work.is_uncertain for work in running)
    lanes = max(1.0, min(average_lanes, float(len(running))))
    work_s = sum(work.left_s for work in running) + pending.estimate_s
    longest_s = max((work.left_s for work in running), default=0.0)
    left_s = max(longest_s, work_s / lanes)
    if (is_lower_bound and left_s < _WORTH_TELLING_S) or (not running and left_s == 0):
        return None
    return Outlook(left_s=left_s, is_lower_bound=is_lower_bound)
