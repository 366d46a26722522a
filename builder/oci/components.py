"""What images consist of: Go modules by what the linker wrote into executables, packages by dpkg's database."""

import hashlib
import os
import posixpath
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.deb822 import parse_stanza, split_stanzas
from builder.formats.elf import MAGIC, ElfError, read_elf
from builder.formats.goinfo import GoInfo, go_info
from builder.formats.tar import DIRECTORY, REGULAR, MemberContent, TarMember, stream_members
from builder.io.files import CHUNK_BYTES
from builder.oci.image import SourcesByProgram
from builder.oci.stream import HashedStream, Span
from builder.sbom.component import Component, c_program, debian_package, go_program

_EXECUTABLE_BITS = 0o111
# Whiteouts: what a layer takes away from those below it (image-spec, layer.md).
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_STATUS, _INFO = "var/lib/dpkg/status", "var/lib/dpkg/info/"
# Images without dpkg have a file for each package here (Bazel's rules, distroless).
_STATUS_PARTS = "var/lib/dpkg/status.d/"
_RELEASES = ("etc/os-release", "usr/lib/os-release")
_MOST_DOCUMENT_BYTES = 64 << 20


@dataclass(slots=True, kw_only=True)
class LayerFindings:
    """What a layer brings: `programs` and dpkg's `documents` by path; which paths it has, and which it takes away."""

    programs: dict[str, Component] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)


def find_in_layer(span: Span, sources: SourcesByProgram) -> LayerFindings:
    """What there is in the layer in `span`; `BuilderError` where it cannot be read."""
    found = LayerFindings()
    with HashedStream(span) as stream:
        for member, content in stream_members(stream):
            path = posixpath.normpath(member.name).lstrip("/")
            directory, name = posixpath.split(path)
            if name == _OPAQUE:
                found.emptied.add(directory)
            elif name.startswith(_WHITEOUT):
                found.removed.add(posixpath.join(directory, name.removeprefix(_WHITEOUT)))
            elif member.type != DIRECTORY:
                found.paths.add(path)
            if member.type == REGULAR:
                _look_into(path, member, content, sources, found)
    return found


def image_components(layers: Sequence[LayerFindings]) -> list[Component]:
    """What an image of these `layers`, the lowest first, consists of."""
    programs: dict[str, Component] = {}
    documents: dict[str, bytes] = {}
    for layer in layers:
        for known in (programs, documents):
            for path in [path for path in known if _is_gone(path, layer)]:
                del known[path]
        programs |= layer.programs
        documents |= layer.documents
    owned = set(_owned(documents))
    own = [program for path, program in sorted(programs.items()) if path not in owned]
    return [*_packages(documents), *own]


def _look_into(
    path: str, member: TarMember, content: MemberContent, sources: SourcesByProgram, found: LayerFindings
) -> None:
    if _is_document(path):
        if member.size_bytes > _MOST_DOCUMENT_BYTES:
            raise BuilderError(f"/{path} is no database of packages: it has {member.size_bytes} bytes")
        found.documents[path] = content.read(member.size_bytes)
    elif member.mode & _EXECUTABLE_BITS:
        head = content.read(len(MAGIC))
        if head == MAGIC:
            found.programs[path] = _program(f"/{path}", head, content, sources.get(f"/{path}", {}))


def _is_document(path: str) -> bool:
    return (
        path == _STATUS
        or path in _RELEASES
        or path.startswith(_STATUS_PARTS)
        or (path.startswith(_INFO) and path.endswith(".list"))
    )


def _program(path: str, head: bytes, content: MemberContent, sources: Mapping[str, Digest]) -> Component:
    """An executable goes through a file, since its tables may lie at its end."""
    hashed = hashlib.sha256()
    with tempfile.TemporaryFile() as stream:
        piece = head
        while piece:
            hashed.update(piece)
            stream.write(piece)
            piece = content.read(CHUNK_BYTES)
        stream.flush()
        info = _go_info(stream)
    digest = Digest.from_hex(hashed.hexdigest())
    return go_program(path, digest, info) if info else c_program(path, digest, sources)


def _go_info(stream: IO[bytes]) -> GoInfo | None:
    try:
        return go_info(read_elf(_Spooled(stream.fileno())))
    except ElfError:  # which the proof of the bundle tells
        return None


@dataclass(frozen=True, slots=True)
class _Spooled:
    """A file by its descriptor."""

    descriptor: int

    @property
    def size_bytes(self) -> int:
        return os.fstat(self.descriptor).st_size

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        return os.pread(self.descriptor, self.size_bytes if size_bytes is None else size_bytes, offset)


def _is_gone(path: str, layer: LayerFindings) -> bool:
    """Whether `layer` takes away or replaces what lies at `path` below it."""
    parents = [path[:cut] for cut in range(len(path)) if path[cut] == "/"]
    return (
        path in layer.removed
        or path in layer.paths
        or any(parent in layer.removed or parent in layer.emptied or parent in layer.paths for parent in parents)
        or "" in layer.emptied
    )


def _packages(documents: Mapping[str, bytes]) -> Iterator[Component]:
    distribution = _distribution(documents)
    for path, data in sorted(documents.items()):
        if path == _STATUS or (path.startswith(_STATUS_PARTS) and not path.endswith(".md5sums")):
            for raw in split_stanzas([data]):
                stanza = parse_stanza(raw, where=f"/{path}")
                if {"package", "version"} <= stanza.keys() and stanza.get("status", "installed").split()[-1:] == [
                    "installed"
                ]:
                    yield debian_package(stanza, distribution)


def _distribution(documents: Mapping[str, bytes]) -> str:
    """Whose packages they are: os-release(5), ID."""
    for path in _RELEASES:
        for line in documents.get(path, b"").decode(errors="replace").splitlines():
            if line.startswith("ID="):
                return line.removeprefix("ID=").strip("\"'")
    return "debian"


def _owned(documents: Mapping[str, bytes]) -> Iterable[str]:
    """The paths that packages brought."""
    for path, data in documents.items():
        lines = data.decode(errors="replace").splitlines()
        if path.startswith(_INFO):
            yield from (line.lstrip("/") for line in lines)
        elif path.endswith(".md5sums"):
            yield from (line.partition("  ")[2] for line in lines)
