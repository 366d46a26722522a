"""What an archive has: binary packages by name and architecture, source packages by name."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.debian.pins import ArchiveFile
from builder.debian.repository import SOURCE, Library, Release
from builder.formats.deb822 import Stanza, parse_stanza, required


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A binary package; `architecture` is its own (`all` for many), `fields` what else the index says of it."""

    name: str
    version: str
    architecture: str
    file: ArchiveFile
    fields: Stanza


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePackage:
    """A source package and the files that it is made of: description, upstream's archive, Debian's changes."""

    name: str
    version: str
    files: tuple[ArchiveFile, ...]


def find_packages(
    library: Library, release: Release, architecture: str, names: Collection[str] | None = None
) -> Iterator[Package]:
    """The binary packages that `release` has for `architecture`, all or those of `names`; a name may come more than once."""
    where = f"the index of {release.repository} for {architecture}"
    for raw in _stanzas(library, release, architecture, names):
        yield parse_package(raw, where=where)


def parse_package(raw: bytes, *, where: str) -> Package:
    """The binary package that a stanza of the index `where` describes."""
    stanza = parse_stanza(raw, where=where)
    name = required(stanza, "Package", where=where)
    where_package = f"{where}, package {name}"
    return Package(
        name=name,
        version=required(stanza, "Version", where=where_package),
        architecture=required(stanza, "Architecture", where=where_package),
        file=ArchiveFile(
            path=required(stanza, "Filename", where=where_package),
            size_bytes=_size(required(stanza, "Size", where=where_package), where_package),
            digest=_digest(required(stanza, "SHA256", where=where_package), where_package),
        ),
        fields=stanza,
    )


def find_sources(library: Library, release: Release, names: Collection[str] | None = None) -> Iterator[SourcePackage]:
    """The source packages that `release` has, all or those of `names`; a name may come more than once."""
    where = f"the index of sources of {release.repository}"
    for raw in _stanzas(library, release, SOURCE, names):
        stanza = parse_stanza(raw, where=where)
        name = required(stanza, "Package", where=where)
        where_package = f"{where}, package {name}"
        directory = required(stanza, "Directory", where=where_package)
        lines = required(stanza, "Checksums-Sha256", where=where_package).split("\n")
        yield SourcePackage(
            name=name,
            version=required(stanza, "Version", where=where_package),
            files=tuple(_source_file(directory, line, where_package) for line in lines if line.strip()),
        )


def _stanzas(library: Library, release: Release, architecture: str, names: Collection[str] | None) -> Iterator[bytes]:
    """The unparsed stanzas of all components; those of other packages are left out before they cost a parse."""
    if names is None:
        wanted = re.compile(b"")
    else:
        any_name = b"|".join(re.escape(name.encode()) for name in sorted(names))
        wanted = re.compile(rb"^package:[ \t]*(?:%s)[ \t]*$" % any_name, re.IGNORECASE | re.MULTILINE)
    for component in release.repository.components:
        yield from filter(wanted.search, library.stanzas(release, component, architecture))


def _source_file(directory: str, line: str, where: str) -> ArchiveFile:
    match line.split():
        case [digest, size, name]:
            return ArchiveFile(path=f"{directory}/{name}", size_bytes=_size(size, where), digest=_digest(digest, where))
        case _:
            raise BuilderError(f"{where}: {line!r} does not name a file with its digest and size")


def _size(text: str, where: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise BuilderError(f"{where}: {text!r} is no size in bytes")
    return int(text)


def _digest(text: str, where: str) -> Digest:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise BuilderError(f"{where}: {text!r} is no SHA-256 digest")
    return Digest.from_hex(text)
