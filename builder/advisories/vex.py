"""What somebody found out about vulnerabilities: statements of OpenVEX (openvex.dev/ns/v0.2.0), kept in the repository."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from packageurl import PackageURL
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from builder.advisories.model import Advisory
from builder.core.errors import RecipeError

_CONTEXT = r"^https://openvex\.dev/ns(/v0\.2\.[0-9]+)?$"


class Status(StrEnum):
    """What is so of a product."""

    NOT_AFFECTED = "not_affected"
    AFFECTED = "affected"
    FIXED = "fixed"
    UNDER_INVESTIGATION = "under_investigation"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _Vulnerability(_Model):
    name: str
    aliases: tuple[str, ...] = ()


class _Product(_Model):
    identity: str = Field(alias="@id")


class Statement(_Model):
    """One statement: of which vulnerability, about which products (package URLs, of all versions without one), and why."""

    vulnerability: _Vulnerability
    products: tuple[_Product, ...] = Field(min_length=1)
    status: Status
    justification: str = ""
    impact_statement: str = ""
    action_statement: str = ""

    @model_validator(mode="after")
    def _explained(self) -> "Statement":
        if self.status is Status.NOT_AFFECTED and not (self.justification or self.impact_statement):
            raise ValueError("not_affected needs a justification or an impact_statement")
        return self

    @property
    def why(self) -> str:
        """The reason, for people."""
        return self.impact_statement or self.justification.replace("_", " ") or self.action_statement

    def is_about(self, advisory: Advisory) -> bool:
        """Whether it is about this vulnerability of this product."""
        names = {self.vulnerability.name, *self.vulnerability.aliases}
        return bool(names & advisory.names) and any(
            _covers(one.identity, advisory.product.purl) for one in self.products
        )


class _Document(_Model):
    context: Annotated[str, StringConstraints(pattern=_CONTEXT)] = Field(alias="@context")
    author: str
    timestamp: str
    version: int
    statements: tuple[Statement, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """All statements, the later ones of a file and of files in their order before the earlier ones."""

    found: Sequence[Statement] = ()

    def about(self, advisory: Advisory) -> Statement | None:
        """The newest statement about it."""
        return next((one for one in self.found if one.is_about(advisory)), None)


def read_statements(paths: Iterable[Path]) -> Statements:
    """The statements of the files at `paths`, oldest first; `RecipeError` with everything that is wrong in any of them."""
    found: list[Statement] = []
    problems: list[str] = []
    for path in paths:
        try:
            found += _Document.model_validate(json.loads(path.read_bytes())).statements
        except OSError as error:
            problems.append(f"{path}: {error.strerror}")
        except ValidationError as error:
            problems += [f"{path}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        except ValueError as error:
            problems.append(f"{path}: it is no JSON: {error}")
    if problems:
        raise RecipeError(
            "statements about vulnerabilities cannot be read",
            details=problems,
            hint="they are documents of OpenVEX 0.2",
        )
    return Statements(found=found[::-1])


def _covers(told: str, purl_text: str) -> bool:
    """Whether a package URL of a statement means the product: what it leaves out (version, qualifiers) may be anything."""
    try:
        wanted, product = PackageURL.from_string(told), PackageURL.from_string(purl_text)
    except ValueError:
        return False
    same = (wanted.type, wanted.namespace, wanted.name) == (product.type, product.namespace, product.name)
    return (
        same and wanted.version in (None, product.version) and wanted.qualifiers.items() <= product.qualifiers.items()
    )
