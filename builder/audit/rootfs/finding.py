"""What audits of root file systems say."""

from collections.abc import Iterable
from dataclasses import dataclass

from builder.core.errors import VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFinding:
    """Something that is wrong at `path` (with a slash in front), and `remedy`, what to do about it."""

    path: str
    what: str
    remedy: str


def require_fit(findings: Iterable[RootFinding]) -> None:
    """Raise `VerificationError` with all `findings`, if there are any."""
    told = sorted(set(findings), key=lambda one: (one.path, one.what))
    if told:
        raise VerificationError(
            "the root file system is not fit for devices",
            details=[f"{one.path}: {one.what}" for one in told],
            hint="; ".join(dict.fromkeys(one.remedy for one in told)),
        )
