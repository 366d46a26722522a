"""A package, unpacked once and read often: its archives decompressed, with an index of what lies where.

The directory of an unpacked package holds `data.tar` and `control.tar` as they are in the .deb, but decompressed, and
`members.json`, which says where in `data.tar` each file's content begins. So a root file system is put together without
decompressing anything again, and without making a single inode.
"""

import json
import mmap
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from builder.core.errors import BuilderError
from builder.formats.deb import decompress_archive, member_name
from builder.formats.deb822 import Stanza, parse_stanza, required
from builder.formats.tar import DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarMember, read_members

_DATA, _CONTROL, _INDEX = "data.tar", "control.tar", "members.json"
Decompress: TypeAlias = Callable[[Path, str, Path], None]
_KNOWN_TYPES = (REGULAR, HARDLINK, SYMLINK, DIRECTORY)
_FIELDS = ("name", "type", "mode", "uid", "gid", "user", "group", "mtime_s", "size_bytes", "link", "offset")


def unpack_package(deb: Path, directory: Path, decompress: Decompress = decompress_archive) -> None:
    """Write the unpacked form of `deb` into `directory`; `decompress` writes the archive of a name to a new file.

    `BuilderError` for a damaged package, for members outside of the root, and for devices, sockets and pipes.
    """
    for archive in (_DATA, _CONTROL):
        decompress(deb, archive, directory / archive)
    members = list(_checked(deb, directory / _DATA))
    rows = [[getattr(member, name) for name in _FIELDS] for member in members]
    (directory / _INDEX).write_text(json.dumps(rows, separators=(",", ":")))


def _checked(deb: Path, archive: Path) -> Iterator[TarMember]:
    try:
        with archive.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
            members = list(read_members(data))
        for member in members:
            _refuse_devices(deb, member)
            name = member_name(deb, member.name)
            link = member_name(deb, member.link) if member.type == HARDLINK else member.link
            if name:
                yield _renamed(member, name, link)
    except BuilderError as error:
        raise BuilderError(
            f"{deb.name} cannot be unpacked: {error.brief}", hint="remove it and fetch it again"
        ) from None


def _refuse_devices(deb: Path, member: TarMember) -> None:
    if member.type not in _KNOWN_TYPES:
        raise BuilderError(f"{deb.name}: {member.name} is neither a file, nor a directory, nor a link")


def _renamed(member: TarMember, name: str, link: str) -> TarMember:
    values = {key: getattr(member, key) for key in _FIELDS}
    return TarMember(**{**values, "name": name, "link": link})


@dataclass(frozen=True, slots=True)
class Slice:
    """The content of a file, where it lies in the open archive `descriptor`."""

    descriptor: int
    offset: int
    size_bytes: int

    def read(self, size_bytes: int | None = None, offset: int = 0) -> bytes:
        """All of it, or at most `size_bytes` from `offset` on."""
        left = max(0, self.size_bytes - offset)
        return os.pread(self.descriptor, left if size_bytes is None else min(left, size_bytes), self.offset + offset)

    def copy_to(self, descriptor: int) -> None:
        """Write all of it at the position of `descriptor`."""
        offset, left = self.offset, self.size_bytes
        while left:
            done = os.sendfile(descriptor, self.descriptor, offset, left)
            if not done:
                raise BuilderError("a package's archive ends before one of its files does")
            offset, left = offset + done, left - done


@dataclass(frozen=True, kw_only=True)
class PackageContent:
    """An unpacked package that is open for reading.

    `control` is the text of its control file, `fields` what it says. `members` are in the package's order, `control_files` the
    maintainer scripts and lists by name (`postinst`, `conffiles`) with their modes.
    """

    directory: Path
    control: str
    fields: Stanza
    control_files: Mapping[str, tuple[bytes, int]]
    members: Sequence[TarMember]
    descriptor: int

    @cached_property
    def name(self) -> str:
        """The package's name."""
        return self.fields["package"]

    @property
    def version(self) -> str:
        """The package's version."""
        return self.fields["version"]

    @property
    def architecture(self) -> str:
        """Dpkg's word for the architecture that the package is for; `all` for many."""
        return self.fields["architecture"]

    @property
    def info_name(self) -> str:
        """How dpkg calls the package in `var/lib/dpkg/info`."""
        return f"{self.name}:{self.architecture}" if self.fields.get("multi-arch") == "same" else self.name

    def text(self, control_file: str) -> str:
        """The text of a control file, empty where the package has none."""
        data, _ = self.control_files.get(control_file, (b"", 0))
        return data.decode(errors="surrogateescape")

    def content(self, member: TarMember) -> Slice:
        """The content of the file `member`."""
        return Slice(self.descriptor, member.offset, member.size_bytes)


@contextmanager
def open_package(directory: Path) -> Iterator[PackageContent]:
    """The unpacked package in `directory`, as `unpack_package` wrote it; its contents can be read while the block runs."""
    control = (directory / _CONTROL).read_bytes()
    files = {
        member.name.removeprefix("./"): (control[member.offset : member.offset + member.size_bytes], member.mode)
        for member in read_members(control)
        if member.type == REGULAR
    }
    raw, _ = files.pop("control", (b"", 0))
    fields = parse_stanza(raw.strip(b"\n"), where=f"the control file of {directory.name}")
    for name in ("Package", "Version", "Architecture"):
        required(fields, name, where=f"the control file of {directory.name}")
    members = [
        TarMember(**dict(zip(_FIELDS, row, strict=True))) for row in json.loads((directory / _INDEX).read_text())
    ]
    descriptor = os.open(directory / _DATA, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield PackageContent(
            directory=directory,
            control=raw.decode(errors="surrogateescape"),
            fields=fields,
            control_files=files,
            members=members,
            descriptor=descriptor,
        )
    finally:
        os.close(descriptor)
