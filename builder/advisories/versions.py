"""The order of versions in each ecosystem."""

from collections.abc import Callable, Mapping
from typing import Any

import semantic_version

from builder.advisories.model import DEBIAN, GO
from builder.core.errors import BuilderError
from builder.debian.version import version_key

_BEFORE_ALL = "0"


def is_affected(ecosystem: str, version: str, events: list[Mapping[str, str]]) -> tuple[bool, str]:
    """Whether `version` lies in a range of OSV's, and the version that mends it; `ValueError` for one that is none."""
    key = _KEYS[ecosystem]
    here, inside, fixed = key(version), False, ""
    for event in sorted(events, key=lambda one: _event_key(one, key)):
        if "introduced" in event and (event["introduced"] == _BEFORE_ALL or key(event["introduced"]) <= here):
            inside, fixed = True, ""
        elif "fixed" in event:
            if key(event["fixed"]) <= here:
                inside = False
            elif inside and not fixed:
                fixed = event["fixed"]
        elif "last_affected" in event and key(event["last_affected"]) < here:
            inside = False
    return inside, fixed if inside else ""


def is_lower(ecosystem: str, version: str, other: str) -> bool:
    """Whether `version` comes before `other`; `ValueError` for one that is none."""
    key = _KEYS[ecosystem]
    return bool(key(version) < key(other))


def _event_key(event: Mapping[str, str], key: Callable[[str], Any]) -> tuple[Any, ...]:
    ((kind, version),) = event.items()
    return (0,) if version == _BEFORE_ALL else (1, key(version), kind != "introduced")


def _debian(version: str) -> Any:  # noqa: ANN401 - whatever sorts
    try:
        return version_key(version)
    except BuilderError as error:
        raise ValueError(str(error)) from None


def _go(version: str) -> Any:  # noqa: ANN401 - whatever sorts
    """Go's versions are semantic ones with a v in front; Go's own have no patch number at times."""
    return semantic_version.Version.coerce(version.removeprefix("v").removeprefix("go")).precedence_key


_KEYS: Mapping[str, Callable[[str], Any]] = {GO: _go, DEBIAN: _debian}
