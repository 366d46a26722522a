"""Databases in files: OSV's exports (a zip, a directory or a file of entries) and the data of Debian's security tracker."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.advisories import osv, tracker
from builder.advisories.model import Advisory, Product
from builder.core.errors import BuilderError, RecipeError

_HINT = "what can be read: OSV's all.zip of an ecosystem, a directory of its entries, or the JSON of Debian's security tracker"


def search(databases: Sequence[Path], products: Sequence[Product]) -> list[Advisory]:
    """All that `databases` know of `products`, each vulnerability of a product once; errors of all files at once."""
    by_name: dict[tuple[str, str], list[Product]] = {}
    for product in products:
        by_name.setdefault((product.ecosystem, product.name), []).append(product)
    found: list[Advisory] = []
    problems: list[str] = []
    for database in databases:
        for where, data in _documents(database):
            try:
                found += _advisories(json.loads(data), by_name)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                problems.append(f"{where}: {type(error).__name__}: {error}")
    if problems:
        raise RecipeError("databases of vulnerabilities cannot be read", details=problems[:20], hint=_HINT)
    return _merged(found)


def _advisories(document: Any, products: Mapping[tuple[str, str], Sequence[Product]]) -> Iterator[Advisory]:  # noqa: ANN401 - JSON
    if tracker.is_tracker(document):
        yield from tracker.advisories_in(document, products)
        return
    if isinstance(document, dict) and "vulns" in document:
        document = document["vulns"]
    for entry in document if isinstance(document, list) else [document]:
        yield from osv.advisories_in(entry, products)


def _documents(database: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if database.is_dir():
            files = sorted(database.rglob("*.json"))
            if not files:
                raise RecipeError(f"{database} has no entries: no file of it ends in .json", hint=_HINT)
            yield from ((str(file), file.read_bytes()) for file in files)
        elif zipfile.is_zipfile(database):
            with zipfile.ZipFile(database) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".json"):
                        yield f"{database}: {name}", archive.read(name)
        else:
            yield str(database), database.read_bytes()
    except OSError as error:
        raise RecipeError(f"{database}: {error.strerror}", hint=_HINT) from None
    except zipfile.BadZipFile as error:
        raise BuilderError(f"{database} is damaged: {error}", hint="fetch it again") from None


def _merged(found: Sequence[Advisory]) -> list[Advisory]:
    """One advisory for each vulnerability of a product, whatever each database calls it; the one that tells most.

    Databases that name each other's identities mean the same: Go's GO-2026-1 is an alias of a CVE.
    """
    kept: list[Advisory] = []
    by_name: dict[tuple[str, str], int] = {}
    for one in sorted(found, key=lambda one: (one.product.purl, one.identity)):
        places = {by_name[key] for name in one.names if (key := (one.product.purl, name)) in by_name}
        place = min(places, default=len(kept))
        if place == len(kept):
            kept.append(one)
        else:
            kept[place] = _both(kept[place], one)
        by_name |= {(one.product.purl, name): place for name in one.names}
    return sorted(kept, key=lambda one: (-one.severity, one.product.package, one.identity))


def _both(first: Advisory, second: Advisory) -> Advisory:
    """What two databases say of one vulnerability: a judgement counts more than none."""
    judged = [one.severity for one in (first, second) if one.severity.name != "UNKNOWN"]
    return Advisory(
        identity=first.identity,
        aliases=tuple(sorted((first.names | second.names) - {first.identity})),
        summary=first.summary or second.summary,
        severity=max(judged, default=first.severity),
        fixed=first.fixed or second.fixed,
        product=first.product,
    )
