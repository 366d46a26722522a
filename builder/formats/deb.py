"""Debian binary packages (deb(5)): an ar archive of `debian-binary`, `control.tar.*` and `data.tar.*`.

Owners are not restored: whoever extracts owns all. Members that would lie outside of the target directory, or be reached
through a symbolic link, are an error, never skipped.
"""

import gzip
import io
import lzma
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import zstandard

from builder.core.errors import BuilderError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_CHUNK_BYTES = 1 << 20
_MOST_LINKS = 40  # as Linux (path_resolution(7))

_DECOMPRESSORS: Mapping[str, Callable[[BinaryIO], BinaryIO | gzip.GzipFile | lzma.LZMAFile]] = {
    "": lambda stream: stream,
    ".gz": lambda stream: gzip.GzipFile(fileobj=stream),
    ".xz": lzma.LZMAFile,
    ".zst": lambda stream: zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True),
}


def list_members(deb: Path) -> list[tarfile.TarInfo]:
    """What `deb` would install, in its order; names are relative, without a leading `./`; the root itself is left out."""
    with _data(deb) as archive:
        return [member for member, _ in _members(deb, archive)]


def read_data(deb: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each member of what `deb` would install, named as `list_members` does, with the content of regular files.

    A content has to be read before the next member is asked for.
    """
    with _data(deb) as archive:
        yield from _members(deb, archive)


def extract_all(deb: Path, directory: Path) -> None:
    """Extract all of `deb` into `directory`: files, directories, symbolic and hard links, with the modes that are recorded.

    Modes of directories come last, so that read-only ones can be filled.
    """
    late: list[tuple[Path, int]] = []
    with _data(deb) as archive:
        for member, content in _members(deb, archive):
            target = _inside(deb, directory, member.name)
            try:
                _place(deb, directory, target, (member, content))
            except (FileExistsError, FileNotFoundError) as error:
                raise _damaged(deb, f"the member {member.name!r} cannot be placed ({error.strerror})") from None
            if member.isdir():
                late.append((target, member.mode))
    for path, mode in reversed(late):
        path.chmod(mode & 0o7777)


def _place(deb: Path, directory: Path, target: Path, entry: tuple[tarfile.TarInfo, IO[bytes] | None]) -> None:
    member, content = entry
    if member.isdir():
        _inside(deb, directory, f"{member.name}/.")
    elif member.issym():
        target.symlink_to(member.linkname)
    elif member.islnk():
        target.hardlink_to(_inside(deb, directory, _name(deb, member.linkname)))
    elif content is not None:
        _write(content, target, member.mode)
    else:
        raise BuilderError(f"{deb.name}: {member.name} is neither a file, nor a directory, nor a link")


def extract_files(deb: Path, wanted: Mapping[str, Path]) -> None:
    """Write regular files of `deb`, with their modes: `wanted` maps a path in the package to the file to make.

    A path that is a symbolic link stands for what it leads to within the package, so that
    `/usr/lib/x86_64-linux-gnu/libmnl.so.0` need not name the library's full version. `BuilderError` names all that are missing.
    """
    members = {member.name: member for member in list_members(deb)}
    found = {path: _follow(path.strip("/"), members) for path in wanted}
    if missing := sorted(path for path, name in found.items() if name is None):
        raise BuilderError(
            f"{deb.name} does not hold all files that are wanted of it",
            details=[f"missing: {path}" for path in missing],
            hint="another version of the package may have them elsewhere: 'dpkg-deb --contents' lists them",
        )
    targets: dict[str, list[Path]] = {}
    for path, name in found.items():
        targets.setdefault(str(name), []).append(wanted[path])
    with _data(deb) as archive:
        for member, content in _members(deb, archive):
            places = targets.get(member.name, [])
            if places and content is not None:
                _write(content, places[0], member.mode)
            for again in places[1:]:
                shutil.copy(places[0], again)


def _follow(path: str, members: Mapping[str, tarfile.TarInfo]) -> str | None:
    """The name of the regular file that `path` leads to, None where it leads nowhere."""
    for _ in range(_MOST_LINKS):
        parents = [path, *_parents(path)]
        link = next((one for one in parents if one in members and members[one].issym()), None)
        if link is None:
            member = members.get(path)
            if member is not None and member.islnk():
                path = member.linkname.removeprefix("./").strip("/")
                continue
            return path if member is not None and member.isreg() else None
        to = posixpath.join("/", posixpath.dirname(link), members[link].linkname)
        path = posixpath.normpath(to + path[len(link) :]).strip("/")
    return None


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _members(deb: Path, archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each member with its name made relative, and the content of regular files; read it before the next member."""
    for member in archive:
        content = archive.extractfile(member) if member.isreg() else None
        member.name = _name(deb, member.name)
        if member.name:
            yield member, content


def _name(deb: Path, name: str) -> str:
    parts = name.removeprefix("./").split("/")
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise BuilderError(
            f"{deb.name}: the member {name!r} would lie outside of the package; nothing more is extracted"
        )
    return "/".join(part for part in parts if part not in ("", "."))


def _inside(deb: Path, directory: Path, name: str) -> Path:
    """Where member `name` goes; its parents are made, and are real directories."""
    *parents, last = name.split("/")
    for part in parents:
        directory /= part
        if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
            raise BuilderError(
                f"{deb.name}: the member {name!r} would be reached through {part!r}, which is no directory"
            )
        directory.mkdir(exist_ok=True)
    return directory / last


def _write(content: IO[bytes], target: Path, mode: int) -> None:
    with target.open("xb") as stream:
        shutil.copyfileobj(content, stream)
    target.chmod(mode & 0o7777)


def decompress_archive(deb: Path, name: str, target: Path) -> None:
    """Write the archive `name` (`data.tar`, `control.tar`) of `deb`, decompressed, to the new file `target`."""
    with _archive(deb, name) as plain, target.open("xb") as stream:
        shutil.copyfileobj(plain, stream, _CHUNK_BYTES)


def locate_archive(deb: Path, name: str) -> tuple[str, int, int]:
    """Where the archive `name` lies in `deb`: its full name (`data.tar.xz`), its first byte and its size in bytes."""
    with deb.open("rb") as stream:
        full_name, size_bytes = _find(deb, stream, name)
        if deb.stat().st_size < stream.tell() + size_bytes:
            raise _damaged(deb, f"{full_name} is cut")
        return full_name, stream.tell(), size_bytes


def member_name(deb: Path, name: str) -> str:
    """The path of a member below the root, without `./` in front; `BuilderError` for one that would lie outside."""
    return _name(deb, name)


@contextmanager
def _data(deb: Path) -> Iterator[tarfile.TarFile]:
    """The tar archive of what `deb` installs, to be read from beginning to end while the block runs."""
    with _archive(deb, "data.tar") as plain:
        try:
            with tarfile.open(fileobj=plain, mode="r|") as archive:
                yield archive
        except tarfile.TarError as error:
            raise _damaged(deb, str(error)) from None


@contextmanager
def _archive(deb: Path, archive: str) -> Iterator["BinaryIO | gzip.GzipFile | lzma.LZMAFile"]:
    """The content of `data.tar` or `control.tar`, decompressed, to be read from beginning to end while the block runs."""
    with deb.open("rb") as stream:
        name, size_bytes = _find(deb, stream, archive)
        decompress = _DECOMPRESSORS.get(name.removeprefix(archive))
        if decompress is None:
            raise BuilderError(f"{deb.name}: {name} is compressed in a way that is not known here")
        if deb.stat().st_size < stream.tell() + size_bytes:
            raise _damaged(deb, f"{name} is cut")
        part = io.BufferedReader(_Part(stream, size_bytes))
        try:
            with decompress(part) as plain:
                yield plain
        except (lzma.LZMAError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile, EOFError) as error:
            raise _damaged(deb, str(error)) from None


def _find(deb: Path, stream: BinaryIO, archive: str) -> tuple[str, int]:
    """Name and size of the member that holds `archive`; `stream` is left at its first byte."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise _damaged(deb, "it is no ar archive")
    while header := stream.read(_HEADER_BYTES):
        # ar(5): name in 16 bytes, ..., size in decimal digits in 10 bytes from 48, the two bytes of the end.
        name, size, end = header[:16].decode("latin-1").strip().rstrip("/"), header[48:58].strip(), header[58:]
        if end != b"`\n" or not size.isdigit():
            raise _damaged(deb, "a header of the ar archive is none")
        if name.startswith(archive):
            return name, int(size)
        if name == "debian-binary" and not stream.read(int(size)).startswith(b"2."):
            raise BuilderError(f"{deb.name} is a package of a format that is not known here (deb(5) describes 2.0)")
        stream.seek(int(size) % 2 + (0 if name == "debian-binary" else int(size)), io.SEEK_CUR)
    raise _damaged(deb, f"it holds no {archive}")


def _damaged(deb: Path, why: str) -> BuilderError:
    return BuilderError(f"{deb.name} is damaged, or no Debian package: {why}", hint="remove it and fetch it again")


class _Part(io.RawIOBase):
    """The next `size_bytes` of a stream."""

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        self._stream = stream
        self._left_bytes = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        data = self._stream.read(min(len(memoryview(buffer)), self._left_bytes))
        memoryview(buffer)[: len(data)] = data
        self._left_bytes -= len(data)
        return len(data)
