"""Debian's security tracker (security-tracker.debian.org/tracker/data/json): issues by source package and release."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from builder.advisories.model import DEBIAN, Advisory, Product
from builder.advisories.severity import from_word
from builder.advisories.versions import is_lower

_RESOLVED, _OPEN, _UNDETERMINED = "resolved", "open", "undetermined"


def advisories_in(
    document: Mapping[str, Any], products: Mapping[tuple[str, str], Sequence[Product]]
) -> Iterator[Advisory]:
    """What the tracker says of `products` (by ecosystem and name); `ValueError`, `KeyError` or `TypeError` where it is none."""
    for (ecosystem, name), found in products.items():
        issues = document.get(name, {}) if ecosystem == DEBIAN else {}
        for identity, issue in issues.items():
            for product in found:
                state = issue["releases"].get(product.release)
                if state and _affects(state, product):
                    yield Advisory(
                        identity=identity,
                        aliases=(),
                        summary=str(issue.get("description", "")),
                        severity=from_word(str(state.get("urgency", ""))),
                        fixed=_fixed(state),
                        product=product,
                    )


def is_tracker(document: object) -> bool:
    """Whether a JSON document has the tracker's form: source packages, issues, releases."""
    if not isinstance(document, dict) or "id" in document:
        return False
    issues = next(iter(document.values()), None)
    first = next(iter(issues.values()), None) if isinstance(issues, dict) else None
    return isinstance(first, dict) and "releases" in first


def _affects(state: Mapping[str, Any], product: Product) -> bool:
    if state["status"] in (_OPEN, _UNDETERMINED):
        return True
    fixed = _fixed(state)
    return state["status"] == _RESOLVED and bool(fixed) and is_lower(DEBIAN, product.version, fixed)


def _fixed(state: Mapping[str, Any]) -> str:
    """The version that mends it; the tracker has 0 where no version ever had the issue."""
    version = str(state.get("fixed_version", ""))
    return "" if version == "0" else version
