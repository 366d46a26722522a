"""Series of measured values, and measuring in turn."""

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values of one quantity in the order in which they were measured; at least one."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, *values: float) -> Self:
        """A series of `values`."""
        return cls(values=values)

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    @property
    def smallest(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def largest(self) -> float:
        """The largest value."""
        return max(self.values)

    def over(self, other: "Series") -> "Series":
        """The quotients of values that were measured in the same round, so that noise which lasts hits both."""
        return Series(values=tuple(ours / theirs for ours, theirs in zip(self.values, other.values, strict=True)))


def interleave(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Series]:
    """Measure all `cases` in turn (A B A B), `rounds` times."""
    values: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds):
        for name, measure in cases.items():
            values[name].append(measure())
            tell(f"round {number + 1} of {rounds}: {name}: {values[name][-1]:.3f}")
    return {name: Series(values=tuple(measured)) for name, measured in values.items()}


def tell(text: str) -> None:
    """A line about what goes on, for who waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
