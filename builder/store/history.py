"""What is remembered of a step's last use, for reasons and estimates."""

from collections.abc import Mapping
from dataclasses import dataclass

from builder.core.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class StepHistory:
    """The facts of a step when it was last used in a scope (a checkout), and what its last run took.

    The figures are None when the step has not run in that scope, only been found in the store.
    """

    key: Digest
    facts: Mapping[str, str]
    duration_s: float | None
    peak_memory_bytes: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUse:
    """One use of a step, to be remembered; the figures are None when it did not run."""

    step: str
    key: Digest
    facts: Mapping[str, str]
    duration_s: float | None = None
    peak_memory_bytes: int | None = None
    size_bytes: int | None = None
