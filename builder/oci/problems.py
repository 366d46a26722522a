"""What is wrong with a bundle."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """`what` is wrong; `subject` is the reference of an image, or what else it is about."""

    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"
