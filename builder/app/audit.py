"""Compares a bill of materials with databases of vulnerabilities, and says what to change where."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.advisories.databases import search
from builder.advisories.model import DEBIAN, Advisory, Product, Severity, product_of
from builder.advisories.vex import Statement, Status, read_statements
from builder.core.errors import RecipeError
from builder.formats.gomod import read_requirements
from builder.recipe.cluster import BuiltCluster
from builder.recipe.load import LoadedRecipe

BILL = "sbom.cdx.json"
_STANDARD_LIBRARY = "stdlib"
# With these nothing is left to do, or nothing to fear.
_CLOSED = (Status.NOT_AFFECTED, Status.FIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A vulnerability of something that was shipped: `inside` these artifacts, changed `where` by `command`."""

    advisory: Advisory
    inside: tuple[str, ...]
    where: str
    command: str
    statement: Statement | None

    @property
    def is_open(self) -> bool:
        """Whether something is to be done about it."""
        return self.statement is None or self.statement.status not in _CLOSED


def audit_bill(bill: Path, databases: Sequence[Path], vex: Sequence[Path], loaded: LoadedRecipe) -> list[Finding]:
    """What `databases` know of everything in `bill` (CycloneDX), the worst first; `loaded` is the recipe that made it."""
    statements = read_statements(vex)
    document = _read(bill)
    products = _products(document)
    artifacts = _Artifacts.of(document)
    changes = _Changes(loaded=loaded)
    return [
        Finding(
            advisory=one,
            inside=artifacts.of_part(one.product.purl),
            where=changes.where(one),
            command=changes.command(one),
            statement=statements.about(one),
        )
        for one in search(databases, products)
    ]


def worst_open(findings: Sequence[Finding]) -> Severity:
    """The highest severity of what is to be done."""
    return max((one.advisory.severity for one in findings if one.is_open), default=Severity.NONE)


def vex_files(root: Path) -> list[Path]:
    """The statements that a checkout at `root` keeps."""
    return sorted((root / "recipes" / "vex").glob("*.json"))


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "id": one.advisory.identity,
            "aliases": list(one.advisory.aliases),
            "severity": str(one.advisory.severity),
            "purl": one.advisory.product.purl,
            "package": one.advisory.product.package,
            "version": one.advisory.product.version,
            "fixed": one.advisory.fixed,
            "summary": one.advisory.summary,
            "artifacts": list(one.inside),
            "where": one.where,
            "command": one.command,
            "status": str(one.statement.status) if one.statement else "",
            "why": one.statement.why if one.statement else "",
            "open": one.is_open,
        }
        for one in findings
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changes:
    """Where a recipe says which version of something is taken."""

    loaded: LoadedRecipe

    def where(self, advisory: Advisory) -> str:
        """The line to change; the lock where no line names a version."""
        product = advisory.product
        if product.ecosystem == DEBIAN:
            return "the lock: recipes name Debian's packages without versions"
        if product.name == _STANDARD_LIBRARY:
            return self.loaded.origin("toolchains.go")
        if component := self._component(product):
            return self.loaded.origin(f"cluster.components.{component}.version")
        go_mod = self._go_mod()
        if go_mod is None:
            return ""
        lines = enumerate(go_mod.read_text().splitlines(), start=1)
        number = next((number for number, line in lines if product.name in line.split()), 1)
        return f"{self.loaded.shown(go_mod)}:{number}"

    def command(self, advisory: Advisory) -> str:
        """What makes the change."""
        product, fixed = advisory.product, advisory.fixed
        if not fixed:
            return ""
        if product.ecosystem == DEBIAN:
            return "builder lock --update --only debian"
        if product.name == _STANDARD_LIBRARY:
            return f"set toolchains.go to {fixed}, then: builder lock --update"
        if component := self._component(product):
            return f"set cluster.components.{component}.version to {_with_v(fixed)}, then: builder lock --update"
        go_mod = self._go_mod()
        place = self.loaded.shown(go_mod.parent) if go_mod else "."
        return f"builder tool -C {place} go get {product.name}@{_with_v(fixed)}, then: builder lock --update"

    def _component(self, product: Product) -> str:
        """The component of the recipe whose module this is."""
        cluster = self.loaded.recipe.cluster
        components = cluster.components if isinstance(cluster, BuiltCluster) else {}
        return next((name for name, one in components.items() if product.name in (one.module, *one.together)), "")

    def _go_mod(self) -> Path | None:
        cluster = self.loaded.recipe.cluster
        path = cluster.source / "go.mod" if isinstance(cluster, BuiltCluster) else None
        return path if path and path.is_file() and read_requirements(path) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Artifacts:
    """Which of a bill's artifacts contain what: `parts` by reference, names of `artifacts` by reference."""

    parts: Mapping[str, Sequence[str]]
    artifacts: Mapping[str, str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "_Artifacts":
        root = document["metadata"]["component"]["bom-ref"]
        parts = {one["ref"]: one.get("dependsOn") or () for one in document.get("dependencies") or ()}
        names = {one["bom-ref"]: one["name"] for one in document["components"]}
        return cls(parts=parts, artifacts={ref: names[ref] for ref in parts.get(root, ())})

    def of_part(self, reference: str) -> tuple[str, ...]:
        return tuple(sorted(name for ref, name in self.artifacts.items() if reference in self._below(ref)))

    def _below(self, reference: str) -> set[str]:
        found: set[str] = set()
        waiting = [reference]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.parts.get(one, ())
        return found


def _products(document: Mapping[str, Any]) -> list[Product]:
    purls = {one["purl"] for one in document["components"] if one.get("purl")}
    return [product for purl in sorted(purls) if (product := product_of(purl))]


def _read(bill: Path) -> Mapping[str, Any]:
    hint = f"name the directory of a release, or its {BILL}"
    try:
        document = json.loads(bill.read_bytes())
    except OSError as error:
        raise RecipeError(f"{bill}: {error.strerror}", hint=hint) from None
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise RecipeError(f"{bill} is no bill of materials in CycloneDX's form (JSON)", hint=hint)
    return document


def _with_v(version: str) -> str:
    return version if version.startswith("v") else f"v{version}"


def audit_text(findings: Sequence[Finding], *, with_closed: bool) -> Iterator[str]:
    """The findings for people, a block for each."""
    for one in findings:
        if not (one.is_open or with_closed):
            continue
        advisory, product = one.advisory, one.advisory.product
        names = ", ".join((advisory.identity, *advisory.aliases[:3]))
        yield f"{advisory.severity}  {product.package} {product.version}: {names}"
        if advisory.summary:
            yield f"    {advisory.summary}"
        yield f"    in {', '.join(one.inside)}"
        yield f"    fixed in {advisory.fixed}" if advisory.fixed else "    no version without it is known"
        if one.where and advisory.fixed:
            yield f"    {one.where}"
            yield f"    {one.command}"
        if one.statement:
            yield f"    {str(one.statement.status).replace('_', ' ')}: {one.statement.why}"
