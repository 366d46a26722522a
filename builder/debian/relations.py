"""What packages say of each other: Depends, Conflicts, Provides and the like (Debian Policy 7.1)."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from builder.core.errors import BuilderError
from builder.debian.version import VersionKey, version_key

# Haskell's virtual packages have capitals, which Policy does not allow to names.
_RELATION = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9+._~-]*)(?::(?P<architecture>[a-z0-9-]+))?"
    r"(?:\s*\(\s*(?P<sign><<|<=|=|>=|>>|<|>)\s*(?P<version>[^\s()]+)\s*\))?"
)
# The single signs are of old: they include equality.
_SIGNS: Final[Mapping[str, Callable[[VersionKey, VersionKey], bool]]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "<": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.ge,
    ">>": operator.gt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A package by its real or virtual `name`; `sign` and `version` are empty where every version will do.

    `architecture` is what stands behind a colon: `any`, or dpkg's word for one.
    """

    name: str
    architecture: str = ""
    sign: str = ""
    version: str = ""

    def allows(self, version: str) -> bool:
        """Whether `version` is one of those that are meant."""
        return not self.sign or _SIGNS[self.sign](version_key(version), version_key(self.version))

    def __str__(self) -> str:
        name = f"{self.name}:{self.architecture}" if self.architecture else self.name
        return f"{name} ({self.sign} {self.version})" if self.sign else name


Clause: TypeAlias = tuple[Relation, ...]
"""Alternatives, the best first."""


def parse_clauses(text: str, *, where: str) -> tuple[Clause, ...]:
    """The value of Depends or Pre-Depends; `BuilderError` that names `where` for what is none."""
    return tuple(
        tuple(_relation(alternative, where) for alternative in part.split("|"))
        for part in text.split(",")
        if part.strip()
    )


def parse_relations(text: str, *, where: str) -> tuple[Relation, ...]:
    """The value of a field without alternatives: Conflicts, Breaks, Provides."""
    return tuple(_relation(part, where) for part in text.split(",") if part.strip())


def format_clause(clause: Clause) -> str:
    """`clause` as control files write it."""
    return " | ".join(map(str, clause))


def _relation(text: str, where: str) -> Relation:
    match = _RELATION.fullmatch(text.strip())
    if match is None:
        raise BuilderError(f"{where}: {text.strip()!r} is no relation to a package")
    given = {key: value for key, value in match.groupdict().items() if value}
    relation = Relation(**given)
    if relation.version:
        version_key(relation.version)
    return relation
