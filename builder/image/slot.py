"""What a slot holds beyond the root file system: the executable, the initrd, GRUB's configuration, places to mount on."""

import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.core.errors import BuilderError
from builder.formats.tar import DIRECTORY, REGULAR, TarMember, end_bytes, header_bytes, padding_bytes, read_members
from builder.io.files import write_all

# Where data lies, where the container runtime looks for network plugins: both are mounted by the initrd.
MOUNT_POINTS = ("data", "opt/cni")
_BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFile:
    """A file that is added: `data`, or the content of `source`."""

    mode: int = 0o644
    data: bytes = b""
    source: Path | None = None


def add_to_archive(
    archive: Path, target: Path, files: Mapping[str, SlotFile], *, required: Sequence[str], epoch_s: int
) -> None:
    """Write `archive`, a root file system, with `files` by path and the mount points to the new file `target`.

    `BuilderError` where one of the files is there already, or one of `required` is not.
    """
    with archive.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
        members = list(read_members(data))
    present = {member.name.removeprefix("./").rstrip("/"): member for member in members}
    if taken := [path for path in files if path in present]:
        raise BuilderError(
            "the root file system has files that the image brings itself",
            details=[f"/{path}" for path in taken],
            hint="leave them out of packages and overlays",
        )
    if missing := [path for path in required if path not in present]:
        raise BuilderError(
            "the root file system lacks what the image starts from",
            details=[f"/{path}" for path in missing],
            hint="packages bring it (a kernel, e2fsprogs, systemd-sysv); rootfs.slim must not leave it out",
        )
    end = max((member.offset + -(-member.size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES for member in members), default=0)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        _send(archive, end, descriptor)
        for name in _directories([*MOUNT_POINTS, *(str(PurePosixPath(path).parent) for path in files)]):
            if name not in present:
                member = TarMember(name=f"./{name}/", type=DIRECTORY, mode=0o755, mtime_s=epoch_s)
                write_all(descriptor, header_bytes(member))
        for path, file in sorted(files.items()):
            _append(descriptor, path, file, epoch_s)
        write_all(descriptor, end_bytes(os.lseek(descriptor, 0, os.SEEK_CUR)))
    finally:
        os.close(descriptor)


def _directories(paths: Sequence[str]) -> list[str]:
    """`paths` and all that they lie in, parents first."""
    found = {str(one) for path in paths for one in (PurePosixPath(path), *PurePosixPath(path).parents)}
    return sorted(found - {"."})


def _append(descriptor: int, path: str, file: SlotFile, epoch_s: int) -> None:
    size_bytes = file.source.stat().st_size if file.source else len(file.data)
    member = TarMember(name=f"./{path}", type=REGULAR, mode=file.mode, mtime_s=epoch_s, size_bytes=size_bytes)
    write_all(descriptor, header_bytes(member))
    if file.source is None:
        write_all(descriptor, file.data)
    else:
        _send(file.source, size_bytes, descriptor)
    write_all(descriptor, padding_bytes(size_bytes))


def _send(source: Path, size_bytes: int, descriptor: int) -> None:
    """Write the first `size_bytes` of `source` at the position of `descriptor`."""
    incoming = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        offset = 0
        while offset < size_bytes:
            done = os.sendfile(descriptor, incoming, offset, size_bytes - offset)
            if not done:
                raise BuilderError(f"{source} ends before it should")
            offset += done
    finally:
        os.close(incoming)
