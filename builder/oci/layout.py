"""Image layouts in a tar file, as they were found: what is in them, and what is wrong with their members."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.core.errors import BuilderError
from builder.formats.tar import DIRECTORY, REGULAR, TarMember, read_members
from builder.io.mapped import MappedFiles
from builder.oci.documents import INDEX_FILE, LAYOUT_FILE, blob_path
from builder.oci.parts import bundle_files
from builder.oci.stream import Span

_KNOWN = re.compile(
    rf"({re.escape(LAYOUT_FILE)}|{re.escape(INDEX_FILE)}|blobs|blobs/sha256|blobs/sha256/[0-9a-f]{{64}})"
)
# Documents are small; a layer that is taken for one must not fill the memory.
_MOST_DOCUMENT_BYTES = 8 << 20


class DocumentError(BuilderError):
    """A document of a layout is missing, or is none."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """An open layout: its files by name, and for each member that does not belong there what is wrong with it."""

    files: Mapping[str, Span]
    strange: tuple[str, ...] = field(default=())

    def blob(self, digest: str) -> Span | None:
        """The content of the blob that is called `digest`, None where there is none."""
        return self.files.get(blob_path(digest))

    @property
    def blobs(self) -> Mapping[str, Span]:
        """All blobs by the digests that they are called by."""
        marked = {name: span for name, span in self.files.items() if name.startswith("blobs/")}
        return {name.removeprefix("blobs/").replace("/", ":"): span for name, span in marked.items()}

    def document(self, name: str) -> Mapping[str, Any]:
        """The JSON object in the file `name`; `DocumentError` where there is none."""
        span = self.files.get(name)
        if span is None:
            raise DocumentError(f"there is no {name}")
        if span.size_bytes > _MOST_DOCUMENT_BYTES:
            raise DocumentError(f"{name} is no document: it has {span.size_bytes} bytes")
        try:
            value = json.loads(span.read())
        except (ValueError, RecursionError):
            raise DocumentError(f"{name} is no JSON") from None
        if not isinstance(value, dict):
            raise DocumentError(f"{name} is no JSON object")
        return value


def open_layout(path: Path) -> Layout:
    """The layout in the bundle at `path`, or in the parts of which that is one.

    `BuilderError` where it cannot be read, is cut or is no uncompressed archive.
    """
    try:
        return _read(MappedFiles(bundle_files(path)))
    except BuilderError as error:
        brief = error.brief if error.brief.startswith(str(path)) else f"{path}: {error.brief}"
        raise BuilderError(brief, details=error.details, hint=error.hint) from None
    except OSError as error:
        raise BuilderError(f"{error.filename or path}: {error.strerror or error}") from None


def _read(data: MappedFiles) -> Layout:
    files: dict[str, Span] = {}
    strange: list[str] = []
    for member in read_members(data):
        name = member.name.removeprefix("./").rstrip("/")
        problem = _problem(member, name)
        if name in files:
            problem = "it is there twice"
        if problem:
            strange.append(f"{member.name!r}: {problem}")
        elif member.type == REGULAR:
            files[name] = Span(data=data, offset=member.offset, size_bytes=member.size_bytes)
    return Layout(files=files, strange=tuple(strange))


def _problem(member: TarMember, name: str) -> str:
    if name.startswith("/") or ".." in name.split("/"):
        return "its name leads out of the archive"
    if member.type not in (REGULAR, DIRECTORY):
        return "it is neither a file nor a directory"
    if name and not _KNOWN.fullmatch(name):
        return "an image layout has no such member"
    return ""
