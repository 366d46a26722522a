"""Small Debian packages, written without dpkg, so that they can be wrong in every way."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import zstandard

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def file(name: str, content: bytes, mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    return member, content


def directory(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    return member, b""


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def tar(members: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return stream.getvalue()


def ar(members: Sequence[tuple[str, bytes]]) -> bytes:
    data = b"!<arch>\n"
    for name, content in members:
        data += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        data += content + b"\n" * (len(content) % 2)
    return data


def deb(members: Sequence[tuple[tarfile.TarInfo, bytes]], suffix: str = ".xz", version: bytes = b"2.0\n") -> bytes:
    """A package that installs `members`."""
    control = COMPRESS[".gz"](tar([file("./control", b"Package: sample\n")]))
    data = COMPRESS.get(suffix, bytes)(tar(members))
    return ar([("debian-binary", version), ("control.tar.gz", control), (f"data.tar{suffix}", data)])


def write_deb(path: Path, members: Sequence[tuple[tarfile.TarInfo, bytes]], suffix: str = ".xz") -> Path:
    path.write_bytes(deb(members, suffix))
    return path
