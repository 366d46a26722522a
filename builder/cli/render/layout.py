"""Lines with a tone for each part: what all human modes show, before a stream decides about colours."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Tone(StrEnum):
    """How a part is meant; the values are rich's names of styles, of which every terminal theme has its own."""

    NORMAL = ""
    GOOD = "green"
    BAD = "bold red"
    WARNING = "yellow"
    FAINT = "dim"
    STRONG = "bold"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line."""

    text: str
    tone: Tone = Tone.NORMAL


Line: TypeAlias = tuple[Part, ...]


def line(*parts: str | Part) -> Line:
    """A line of parts; bare text has the normal tone."""
    return tuple(Part(part) if isinstance(part, str) else part for part in parts)


def plain_texts(lines: Iterable[Line]) -> list[str]:
    """`lines` without tones."""
    return ["".join(part.text for part in one) for one in lines]
