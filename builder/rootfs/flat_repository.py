"""Debian packages as a repository that apt installs from: files in one directory, with an index of exactly these."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.formats.deb import decompress_archive
from builder.formats.deb822 import Stanza, parse_stanza, required
from builder.formats.tar import REGULAR, read_members


def write_repository(debs: Iterable[Path], directory: Path) -> dict[str, str]:
    """Put `debs` and their index `Packages` into the new `directory`; returns the version of each package by its name.

    `BuilderError` for two packages of one name: apt would choose one of them.
    """
    directory.mkdir(parents=True)
    versions: dict[str, str] = {}
    stanzas = []
    for deb in sorted(debs, key=lambda path: path.name):
        raw = _control(deb, directory)
        fields = parse_stanza(raw, where=f"the control file of {deb.name}")
        name = required(fields, "Package", where=deb.name)
        if name in versions:
            raise BuilderError(f"{name} is to be installed twice: as {versions[name]} and as {deb.name}")
        versions[name] = required(fields, "Version", where=deb.name)
        stanzas.append(_stanza(raw, fields, _put(deb, directory)))
    (directory / "Packages").write_bytes(b"\n\n".join(stanzas) + b"\n")
    return versions


def _control(deb: Path, scratch: Path) -> bytes:
    archive = scratch / "control.tar"
    decompress_archive(deb, "control.tar", archive)
    data = archive.read_bytes()
    archive.unlink()
    for member in read_members(data):
        if member.type == REGULAR and member.name.removeprefix("./") == "control":
            return data[member.offset : member.offset + member.size_bytes].strip(b"\n")
    raise BuilderError(f"{deb.name} has no control file")


def _put(deb: Path, directory: Path) -> Path:
    """Another name of `deb` in `directory`, or a copy where the file systems differ.

    The name is made anew: apt takes `%3a` in names of files for an encoded colon, and would look for another file.
    """
    target = directory / deb.name.replace("%3a", ".").replace(":", ".")
    try:
        target.hardlink_to(deb)
    except OSError:
        shutil.copyfile(deb, target)
    return target


def _stanza(raw: bytes, fields: Stanza, file: Path) -> bytes:
    known = [name for name in ("filename", "size", "sha256") if name in fields]
    if known:
        raise BuilderError(f"the control file of {file.name} has fields of an index: {', '.join(known)}")
    added = f"Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {Digest.of_file(file).hex}"
    return raw + b"\n" + added.encode()
