"""How bad a vulnerability is, by what databases say: CVSS vectors, words of GitHub, urgencies of Debian."""

from collections.abc import Mapping
from typing import Any

import cvss

from builder.advisories.model import Severity

_WORDS = {
    "none": Severity.NONE,
    "negligible": Severity.LOW,
    "unimportant": Severity.NONE,
    "low": Severity.LOW,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
}
_CVSS = {"CVSS_V2": cvss.CVSS2, "CVSS_V3": cvss.CVSS3, "CVSS_V4": cvss.CVSS4}


def from_word(word: str) -> Severity:
    """What a word means; Debian marks with stars what it took over from elsewhere."""
    return _WORDS.get(word.strip("* ").lower(), Severity.UNKNOWN)


def from_osv(entry: Mapping[str, Any], affected: Mapping[str, Any]) -> Severity:
    """The highest that an OSV entry says of what is `affected`."""
    told = [*(entry.get("severity") or ()), *(affected.get("severity") or ())]
    found = [severity for one in told if (severity := _of_vector(one)) is not None]
    for place in (entry, affected):
        for group in ("database_specific", "ecosystem_specific"):
            word = (place.get(group) or {}).get("severity")
            if isinstance(word, str):
                found.append(from_word(word))
    return max(found, default=Severity.UNKNOWN)


def _of_vector(told: Mapping[str, str]) -> Severity | None:
    kind, score = _CVSS.get(told.get("type", "")), told.get("score", "")
    if kind is None:
        return from_word(score) if told.get("type") == "Ubuntu" else None
    try:
        return from_word(kind(score).severities()[0])
    except cvss.exceptions.CVSSError:
        return Severity.UNKNOWN
