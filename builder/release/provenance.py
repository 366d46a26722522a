"""How a release came about: SLSA provenance (slsa.dev/provenance/v1) in an in-toto statement (in-toto.io/Statement/v1)."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.core.digest import Digest

STATEMENT_TYPE, PREDICATE_TYPE = "https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://kedge.io/builder/release/v1"
BUILDER_ID = "https://kedge.io/builder"
_H1 = "h1:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Something that a build used: a package URL or a path in the checkout, and a SHA-256 or Go's h1 sum of it."""

    uri: str
    digest: str

    @property
    def descriptor(self) -> dict[str, Any]:
        """As a ResourceDescriptor of in-toto."""
        return {"uri": self.uri, "digest": _digest_set(self.digest)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What was asked for, with what, and by which version of the builder; `parameters` are the user's."""

    parameters: Mapping[str, Any]
    materials: Iterable[Material]
    builder_version: str


def provenance_bytes(subjects: Mapping[str, Digest], build: Build) -> bytes:
    """The statement about `subjects` (file names and digests). No time stands in it: equal builds have equal ones."""
    materials = {(one.uri, one.digest): one for one in build.materials}
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest.hex}} for name, digest in sorted(subjects.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": dict(build.parameters),
                "resolvedDependencies": [one.descriptor for _, one in sorted(materials.items())],
            },
            "runDetails": {"builder": {"id": BUILDER_ID, "version": {"builder": build.builder_version}}},
        },
    }
    return (json.dumps(statement, indent=1) + "\n").encode()


def statement_problems(data: bytes, subjects: Mapping[str, Digest]) -> Sequence[str]:
    """What is wrong with a statement that should be about `subjects`."""
    try:
        statement = json.loads(data)
        told = {one["name"]: Digest.from_hex(one["digest"]["sha256"]) for one in statement["subject"]}
        kinds = (statement["_type"], statement["predicateType"])
    except (ValueError, KeyError, TypeError):
        return ["it is no statement of in-toto about files with SHA-256"]
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
        return [f"it is {kinds[0]} with {kinds[1]}, not {STATEMENT_TYPE} with {PREDICATE_TYPE}"]
    return [
        f"it is about another {name} than the one that is here"
        for name in sorted(told.keys() | subjects.keys())
        if told.get(name) != subjects.get(name)
    ]


def _digest_set(digest: str) -> dict[str, str]:
    """In-toto's names for digests (spec/v1/digest_set.md): Go's h1 sum is `dirHash`, in hexadecimal digits."""
    if digest.startswith(_H1):
        return {"dirHash": base64.b64decode(digest.removeprefix(_H1)).hex()}
    return {"sha256": digest.removeprefix("sha256:")}
