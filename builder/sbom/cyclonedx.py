"""Bills of materials in CycloneDX's form (version 1.6, JSON)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as CycloneComponent
from cyclonedx.model.component import ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from builder.core.digest import Digest
from builder.sbom.component import Component, Kind

SUFFIX = ".cdx.json"
_TYPES = {
    Kind.RELEASE: ComponentType.PLATFORM,
    Kind.DISK: ComponentType.FIRMWARE,
    Kind.BUNDLE: ComponentType.FILE,
    Kind.IMAGE: ComponentType.CONTAINER,
    Kind.PROGRAM: ComponentType.APPLICATION,
    Kind.GO_MODULE: ComponentType.LIBRARY,
    Kind.PACKAGE: ComponentType.LIBRARY,
    Kind.TOOLCHAIN: ComponentType.LIBRARY,
    Kind.SOURCE: ComponentType.FILE,
    Kind.RECIPE: ComponentType.DATA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a bill is about: an image with `name` and `version` of its reference, or a release; when it was made."""

    name: str
    version: str
    purl: str
    created: datetime
    digest: Digest | None = None
    kind: Kind = Kind.IMAGE


def cyclonedx_bytes(subject: Subject, components: Sequence[Component]) -> bytes:
    """The bill of `subject`, which consists of `components`; the same for the same subject."""
    root = CycloneComponent(
        type=_TYPES[subject.kind],
        name=subject.name,
        version=subject.version,
        bom_ref=subject.purl,
        purl=PackageURL.from_string(subject.purl),
        hashes=[_hash(subject.digest)] if subject.digest else [],
    )
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, subject.purl),
        metadata=BomMetaData(component=root, timestamp=subject.created),
    )
    bill = _Bill(bom=bom)
    bom.register_dependency(root, [bill.add(one) for one in components])
    return (JsonV1Dot6(bom).output_as_string(indent=2) + "\n").encode()


@dataclass(slots=True, kw_only=True)
class _Bill:
    """A bill that is written; what several programs are made of stands in it once."""

    bom: Bom
    known: dict[str, CycloneComponent] = field(default_factory=dict)

    def add(self, component: Component) -> CycloneComponent:
        name = component.identity
        if name not in self.known:
            made = CycloneComponent(
                type=_TYPES[component.kind],
                name=component.name,
                version=component.version or None,
                bom_ref=name,
                purl=PackageURL.from_string(component.purl) if component.purl else None,
                hashes=[_hash(component.digest)] if component.digest else None,
            )
            self.known[name] = made
            self.bom.components.add(made)
            self.bom.register_dependency(made, [self.add(part) for part in component.parts])
        return self.known[name]


def _hash(digest: Digest) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest.hex)
