"""A plan: every step that the targets reach, whether it runs, and the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from builder.steps.step import Step


class Action(StrEnum):
    """What the executor does with a step."""

    RUN = "run"
    CACHED = "cached"
    UNNEEDED = "unneeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step with what is done about it. `estimate_s` comes from earlier runs, None where there is none."""

    step: Step[Any]
    action: Action
    reason: str
    estimate_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps in an order in which each comes after all that it needs; `targets` are what the user asked for."""

    steps: Sequence[PlannedStep]
    targets: Sequence[Step[Any]]
