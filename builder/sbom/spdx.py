"""Bills of materials in SPDX's form (version 2.3, JSON)."""

import io
import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC

from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    Checksum,
    ChecksumAlgorithm,
    CreationInfo,
    Document,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    Package,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)
from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream

from builder.core.digest import Digest
from builder.sbom.component import Component, Kind, all_of
from builder.sbom.cyclonedx import Subject

SUFFIX = ".spdx.json"
_DOCUMENT = "SPDXRef-DOCUMENT"
_STRANGE = re.compile(r"[^A-Za-z0-9.-]+")
_PURPOSES = {
    Kind.RELEASE: PackagePurpose.INSTALL,
    Kind.DISK: PackagePurpose.FIRMWARE,
    Kind.BUNDLE: PackagePurpose.ARCHIVE,
    Kind.IMAGE: PackagePurpose.CONTAINER,
    Kind.PROGRAM: PackagePurpose.APPLICATION,
    Kind.GO_MODULE: PackagePurpose.LIBRARY,
    Kind.PACKAGE: PackagePurpose.LIBRARY,
    Kind.TOOLCHAIN: PackagePurpose.LIBRARY,
    Kind.SOURCE: PackagePurpose.SOURCE,
    Kind.RECIPE: PackagePurpose.FILE,
}
# What something is made of without being inside it.
_ORIGINS = (Kind.SOURCE, Kind.RECIPE)


def spdx_bytes(subject: Subject, components: Sequence[Component]) -> bytes:
    """The bill of `subject`, which consists of `components`; the same for the same subject."""
    root = Component(
        kind=subject.kind,
        name=subject.name,
        version=subject.version,
        purl=subject.purl,
        digest=subject.digest,
        parts=tuple(components),
    )
    everything = list(all_of([root]))
    relationships = [Relationship(_DOCUMENT, RelationshipType.DESCRIBES, _identifier(root))]
    relationships += [one for component in everything for one in _relationships(component)]
    title = f"{subject.name} {subject.version}"
    document = Document(
        CreationInfo(
            spdx_version="SPDX-2.3",
            spdx_id=_DOCUMENT,
            name=title,
            document_namespace=f"https://spdx.org/spdxdocs/{_STRANGE.sub('-', title)}-{_uuid(subject, everything)}",
            creators=[Actor(ActorType.TOOL, "builder")],
            # The library writes what it is given as UTC.
            created=subject.created.astimezone(UTC).replace(tzinfo=None),
        ),
        packages=[_package(one) for one in everything],
        relationships=relationships,
    )
    written = io.StringIO()
    # Judging a document takes longer than making it; tests do.
    write_document_to_stream(document, written, validate=False)
    return f"{written.getvalue()}\n".encode()


def _uuid(subject: Subject, everything: Sequence[Component]) -> uuid.UUID:
    """Another for every content: SPDX asks that no two documents share a namespace."""
    content = Digest.of_json([one.identity for one in everything])
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{subject.purl}#{content}")


def _package(component: Component) -> Package:
    return Package(
        spdx_id=_identifier(component),
        name=component.name,
        version=component.version or None,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        primary_package_purpose=_PURPOSES[component.kind],
        checksums=[Checksum(ChecksumAlgorithm.SHA256, component.digest.hex)] if component.digest else [],
        external_references=[_reference(component.purl)] if component.purl else [],
    )


def _reference(purl: str) -> ExternalPackageRef:
    return ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", purl)


def _relationships(component: Component) -> Iterator[Relationship]:
    for part in component.parts:
        kind = RelationshipType.GENERATED_FROM if part.kind in _ORIGINS else RelationshipType.CONTAINS
        yield Relationship(_identifier(component), kind, _identifier(part))


def _identifier(component: Component) -> str:
    readable = _STRANGE.sub("-", component.name).strip("-")
    return f"SPDXRef-{readable}-{Digest.of_bytes(component.identity.encode()).short}"
