"""Comparing what arrived with what was pinned."""

from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import VerificationError


def verify_file(path: Path, expected: Digest, *, what: str) -> None:
    """Raise `VerificationError` unless the file at `path` has the digest `expected`."""
    found = Digest.of_file(path)
    if found != expected:
        raise _mismatch(what, expected, found)


def verify_sum(found: str, expected: str, *, what: str) -> None:
    """Raise `VerificationError` unless the Go module sum `found` (`h1:...`) is the one that was pinned."""
    if found != expected:
        raise _mismatch(what, expected, found)


def _mismatch(what: str, expected: str, found: str) -> VerificationError:
    return VerificationError(
        f"{what} is not what the lock pins",
        details=[f"pinned: {expected}", f"found:  {found}"],
        hint="a proxy or mirror served something else; nothing of it was used. If the publisher really replaced it, "
        "look at why before you run 'builder lock --update'",
    )
