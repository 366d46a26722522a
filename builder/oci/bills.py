"""Bills of materials of the images in a bundle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from packageurl import PackageURL

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.oci.components import LayerFindings, find_in_layer, image_components
from builder.oci.documents import INDEX_FILE, REFERENCE_NAME, blob_path
from builder.oci.image import SourcesByProgram
from builder.oci.layout import Layout, open_layout
from builder.oci.reference import Reference
from builder.oci.stream import Span
from builder.sbom.component import Component
from builder.sbom.cyclonedx import SUFFIX, Subject, cyclonedx_bytes

# No reference has a plus sign, and no file system minds one.
_SEPARATORS = str.maketrans("/:@", "+++")


def bill_name(reference: str) -> str:
    """The file name of the bill of the image `reference`."""
    return f"{reference.translate(_SEPARATORS)}{SUFFIX}"


def bills_of(bundle: Path, sources: Mapping[str, SourcesByProgram]) -> Iterator[tuple[str, bytes]]:
    """File name and content of the bill of each image in `bundle`; parameters and errors as of `read_images`."""
    for reference, subject, components in read_images(bundle, sources):
        yield bill_name(reference), cyclonedx_bytes(subject, components)


def read_images(
    bundle: Path, sources: Mapping[str, SourcesByProgram]
) -> Iterator[tuple[str, Subject, Sequence[Component]]]:
    """The reference of each image in `bundle`, what it is and what it consists of; `BuilderError` where it cannot be read.

    `sources` are those of the programs in layers that were made here, by the digest of the layer. Each layer is read once.
    """
    layout = open_layout(bundle)
    layers: dict[str, LayerFindings] = {}
    try:
        images = [_Image.of(layout, entry) for entry in layout.document(INDEX_FILE).get("manifests") or []]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BuilderError(
            f"{bundle}: an image in the bundle is damaged", hint="'builder airgap verify' tells more"
        ) from None
    for image in images:
        for digest, span in image.layers:
            if digest not in layers:
                try:
                    layers[digest] = find_in_layer(span, sources.get(digest, {}))
                except BuilderError as error:
                    raise BuilderError(f"{bundle}: {image.reference}: in the layer {digest}: {error.brief}") from None
        components = image_components([layers[digest] for digest, _ in image.layers])
        yield image.reference, image.subject, components


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image of a bundle: what its bill is about, and its layers by digest, the lowest first."""

    reference: str
    subject: Subject
    layers: Sequence[tuple[str, Span]]

    @classmethod
    def of(cls, layout: Layout, entry: Mapping[str, Any]) -> Self:
        manifest = layout.document(blob_path(entry["digest"]))
        config = layout.document(blob_path(manifest["config"]["digest"]))
        digests = [layer["digest"] for layer in manifest["layers"]]
        return cls(
            reference=entry["annotations"][REFERENCE_NAME],
            subject=_subject(entry, config),
            layers=[(digest, layout.files[blob_path(digest)]) for digest in digests],
        )


def _subject(entry: Mapping[str, Any], config: Mapping[str, Any]) -> Subject:
    reference = Reference.parse(entry["annotations"][REFERENCE_NAME])
    digest = Digest(entry["digest"])
    url = PackageURL(
        "oci",
        name=reference.path.rpartition("/")[2],
        version=digest,
        qualifiers={
            "arch": config["architecture"],
            "repository_url": reference.repository,
            "tag": reference.tag,
        },
    )
    return Subject(
        name=reference.repository,
        version=reference.tag or digest,
        purl=url.to_string(),
        digest=digest,
        created=datetime.fromisoformat(config["created"]) if "created" in config else datetime.fromtimestamp(0, UTC),
    )
