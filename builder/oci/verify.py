"""The proof that a bundle is complete: containerd imports one with missing blobs or a wrong platform without a word."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.core.arch import Arch
from builder.core.errors import BuilderError
from builder.oci.contents import LayerContents, read_layer
from builder.oci.documents import (
    CONFIGS,
    CONTAINERD_NAME,
    INDEX_FILE,
    LAYOUT_FILE,
    MANIFESTS,
    REFERENCE_NAME,
    blob_path,
)
from builder.oci.layout import DocumentError, Layout, open_layout
from builder.oci.platform import Platform
from builder.oci.problems import Problem
from builder.oci.reference import Reference

_LAYOUT_VERSION = "1.0.0"
# Layers that a registry does not hand out: they would be fetched from elsewhere, which a device cannot.
_FOREIGN = ("foreign", "nondistributable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a bundle for `arch` must hold: the images `needed`, each with the places that need it.

    With `exact`, it may hold nothing that is not `needed`.
    """

    arch: Arch
    needed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exact: bool = False


def verify_bundle(path: Path, expected: Expected, *, cores: int) -> list[Problem]:
    """Everything that is wrong with the bundle at `path`, sorted; every byte of it is read, with `cores` threads."""
    try:
        layout = open_layout(path)
        with ThreadPoolExecutor(max_workers=cores) as pool:
            return sorted(set(_Verification(layout=layout, expected=expected).run(pool)))
    except BuilderError as error:
        return [Problem(subject=path.name, what=error.brief.removeprefix(f"{path}: "))]


@dataclass(slots=True, kw_only=True)
class _Verification:
    """One reading of a bundle; `named` are digests by reference, `layers` who has a layer, and its digest when decompressed."""

    layout: Layout
    expected: Expected
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)
    layers: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def run(self, pool: ThreadPoolExecutor) -> list[Problem]:
        for strange in self.layout.strange:
            self._tell("the archive", strange)
        try:
            if self.layout.document(LAYOUT_FILE).get("imageLayoutVersion") != _LAYOUT_VERSION:
                self._tell(LAYOUT_FILE, f"it is not of version {_LAYOUT_VERSION}")
            entries = _objects(self.layout.document(INDEX_FILE).get("manifests"))
        except DocumentError as error:
            self._tell("the archive", error.brief)
            return self.problems
        for entry in entries:
            self._entry(entry)
        spans = {digest: span for digest in self.layers if (span := self.layout.blob(digest)) is not None}
        readings = pool.map(lambda span: read_layer(span, self.expected.arch), spans.values())
        layers = dict(zip(spans, readings, strict=True))
        self._blobs(layers)
        self._contents(layers)
        self._needs()
        return self.problems

    def _entry(self, entry: Mapping[str, Any]) -> None:
        """An image of the index."""
        digest, names = str(entry.get("digest", "")), entry.get("annotations")
        names = names if isinstance(names, dict) else {}
        name = str(names.get(REFERENCE_NAME, ""))
        subject = name or digest or "an image"
        if not _is_whole(name):
            self._tell(subject, f"the index gives it no whole reference under {REFERENCE_NAME}")
        elif self.named.setdefault(name, digest) != digest:
            self._tell(subject, f"two images have this reference: {self.named[name]} and {digest}")
        if str(names.get(CONTAINERD_NAME, name)) != name:
            self._tell(subject, f"{CONTAINERD_NAME} says otherwise: {names[CONTAINERD_NAME]}")
        try:
            self._platform(subject, "the index", entry.get("platform"))
            self._image(subject, self._document(entry, MANIFESTS))
        except DocumentError as error:
            self._tell(subject, error.brief)

    def _image(self, subject: str, manifest: Mapping[str, Any]) -> None:
        """What a manifest refers to."""
        layers, described = _objects(manifest.get("layers")), manifest.get("config")
        for layer in layers:
            self._use(subject, layer)
        config = self._document(described if isinstance(described, dict) else {}, CONFIGS)
        self._platform(subject, "its config", config)
        diff_ids = config.get("rootfs", {}).get("diff_ids") if isinstance(config.get("rootfs"), dict) else None
        if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
            self._tell(subject, f"its config does not name each of its {len(layers)} layers")
            return
        for layer, diff_id in zip(layers, diff_ids, strict=True):
            if any(word in str(layer.get("mediaType")) for word in _FOREIGN):
                self._tell(
                    subject, f"the layer {layer.get('digest')} is to be fetched from elsewhere: {layer['mediaType']}"
                )
            self.layers[str(layer.get("digest"))][subject] = str(diff_id)

    def _document(self, described: Mapping[str, Any], media_types: Sequence[str]) -> Mapping[str, Any]:
        """The document that a descriptor describes; `DocumentError` where there is none."""
        digest, media_type = str(described.get("digest", "")), described.get("mediaType")
        if media_type not in media_types:
            raise DocumentError(f"{digest or 'its config'} is of the type {media_type}, not {media_types[0]}")
        self.used.add(digest)
        document = self.layout.document(blob_path(digest))
        size_bytes = self.layout.files[blob_path(digest)].size_bytes
        if described.get("size") != size_bytes:
            raise DocumentError(f"{digest} has {size_bytes} bytes, not {described.get('size')}")
        return document

    def _use(self, subject: str, described: Mapping[str, Any]) -> None:
        digest = str(described.get("digest", ""))
        self.used.add(digest)
        span = self.layout.blob(digest)
        if span is None:
            self._tell(subject, f"the blob {digest} is missing")
        elif described.get("size") != span.size_bytes:
            self._tell(subject, f"the blob {digest} has {span.size_bytes} bytes, not {described.get('size')}")

    def _platform(self, subject: str, where: str, fields: object) -> None:
        found, wanted = Platform.read(fields if isinstance(fields, dict) else {}), Platform.of(self.expected.arch)
        if not found.same(wanted):
            self._tell(subject, f"{where} says that it is for {str(found) or 'no platform'}, not for {wanted}")

    def _blobs(self, layers: Mapping[str, LayerContents]) -> None:
        """Every blob is what its name says, and somebody's; beside layers there are documents alone, which are small."""
        for digest, span in self.layout.blobs.items():
            found = layers[digest].digest if digest in layers else span.digest()
            owners = ", ".join(self.layers.get(digest, {}))
            if found != digest:
                self._tell(owners or digest, f"the blob {digest} is damaged: its content is {found}")
            if digest not in self.used:
                self._tell(digest, "no image of the bundle has this blob")

    def _contents(self, layers: Mapping[str, LayerContents]) -> None:
        """Every layer is an archive of the right digest, with executables of the right machine; each is read once."""
        for digest, contents in layers.items():
            for subject, diff_id in self.layers[digest].items():
                for problem in contents.problems:
                    self._tell(subject, f"in the layer {digest}: {problem}")
                if contents.diff_id not in (None, diff_id):
                    self._tell(
                        subject, f"the layer {digest} is {contents.diff_id} inside, not {diff_id} as the config says"
                    )

    def _needs(self) -> None:
        wanted: set[str] = set()
        for reference, places in self.expected.needed.items():
            names = self._names_of(Reference.parse(reference))
            wanted.update(names)
            if not names:
                self._tell(reference, f"it is needed by {', '.join(places)}, and is not in the bundle")
        for reference in self.named if self.expected.exact else ():
            if reference not in wanted:
                self._tell(reference, "it is in the bundle, and nothing needs it")

    def _names_of(self, needed: Reference) -> list[str]:
        """The names in the bundle of the image that is `needed`: one with a digest is any of its repository's with that."""
        if needed.digest is None:
            return [str(needed)] if str(needed) in self.named else []
        return [
            name
            for name, digest in self.named.items()
            if digest == needed.digest and _is_whole(name) and Reference.parse(name).repository == needed.repository
        ]

    def _tell(self, subject: str, what: str) -> None:
        self.problems.append(Problem(subject=subject, what=what))


def _is_whole(name: str) -> bool:
    try:
        return bool(name) and str(Reference.parse(name)) == name
    except BuilderError:
        return False


def _objects(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; `DocumentError` where it is none."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise DocumentError("a list of descriptors is missing")
    return value
