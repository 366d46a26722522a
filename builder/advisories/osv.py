"""Entries of OSV (ossf.github.io/osv-schema), as its exports have them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from builder.advisories.model import Advisory, Product
from builder.advisories.severity import from_osv
from builder.advisories.versions import is_affected

_ORDERED = ("SEMVER", "ECOSYSTEM")
# OSV calls Debian's releases by their numbers.
_RELEASES = {"11": "bullseye", "12": "bookworm", "13": "trixie", "14": "forky"}


def advisories_in(
    entry: Mapping[str, Any], products: Mapping[tuple[str, str], Sequence[Product]]
) -> Iterator[Advisory]:
    """What an entry says of `products` (by ecosystem and name); `ValueError`, `KeyError` or `TypeError` where it is none."""
    identity = entry["id"]
    if entry.get("withdrawn"):
        return
    for affected in entry.get("affected") or ():
        package = affected.get("package") or {}
        ecosystem, _, number = str(package.get("ecosystem", "")).partition(":")
        for product in products.get((ecosystem, str(package.get("name", ""))), ()):
            if number and product.release and _RELEASES.get(number, number) != product.release:
                continue
            hit, fixed = _judge(affected, product)
            if hit:
                yield Advisory(
                    identity=identity,
                    aliases=(*(entry.get("aliases") or ()), *(entry.get("upstream") or ())),
                    summary=str(entry.get("summary") or entry.get("details") or "").partition("\n")[0],
                    severity=from_osv(entry, affected),
                    fixed=fixed,
                    product=product,
                )


def _judge(affected: Mapping[str, Any], product: Product) -> tuple[bool, str]:
    named = product.version in (affected.get("versions") or ())
    for one in affected.get("ranges") or ():
        if one["type"] in _ORDERED:
            hit, fixed = is_affected(product.ecosystem, product.version, one["events"])
            if hit:
                return True, fixed
    return named, ""
