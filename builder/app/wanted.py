"""What a user asks of a recipe."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.core.arch import Arch
from builder.core.output import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which of a recipe's results: for `archs` and of `outputs`, all that it names where empty; images for `boards`.

    Where boards are named, nothing but their images is made unless `outputs` says so.
    """

    archs: Sequence[Arch] = ()
    outputs: Sequence[Output] = ()
    boards: Sequence[str] = ()
