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


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFile:
    """A file that is added: `data`, or the content of `source`."""

    mode: int = 0o644
    data: bytes = b""
    source: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotArchive:
    """The root file system in `archive`, of which the first `content_bytes` count, with `directories` and `files` by path."""

    archive: Path
    content_bytes: int
    directories: Sequence[str]
    files: Mapping[str, SlotFile]
    epoch_s: int

    @classmethod
    def of(
        cls, archive: Path, files: Mapping[str, SlotFile], *, required: Sequence[str], epoch_s: int
    ) -> "SlotArchive":
        """`archive`, a root file system, with `files` by path, all that they lie in, and the mount points.

        `BuilderError` where one of the files is there already, or one of `required` is not.
        """
        with archive.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
            members = list(read_members(data))
        present = {member.name.removeprefix("./").rstrip("/") for member in members}
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
        end = max((one.offset + one.size_bytes + len(padding_bytes(one.size_bytes)) for one in members), default=0)
        wanted = _directories([*MOUNT_POINTS, *(str(PurePosixPath(path).parent) for path in files)])
        directories = [name for name in wanted if name not in present]
        return cls(archive=archive, content_bytes=end, directories=directories, files=files, epoch_s=epoch_s)

    def write(self, descriptor: int) -> None:
        """Write all of it as one tar archive to `descriptor`, a file or a pipe."""
        written = _send(self.archive, self.content_bytes, descriptor)
        for name in self.directories:
            written += _add(descriptor, TarMember(name=f"./{name}/", type=DIRECTORY, mode=0o755, mtime_s=self.epoch_s))
        for path, file in sorted(self.files.items()):
            written += _append(descriptor, path, file, self.epoch_s)
        write_all(descriptor, end_bytes(written))


def _directories(paths: Sequence[str]) -> list[str]:
    """`paths` and all that they lie in, parents first."""
    found = {str(one) for path in paths for one in (PurePosixPath(path), *PurePosixPath(path).parents)}
    return sorted(found - {"."})


def _append(descriptor: int, path: str, file: SlotFile, epoch_s: int) -> int:
    """Write the member for `file`; the number of bytes written."""
    size_bytes = file.source.stat().st_size if file.source else len(file.data)
    member = TarMember(name=f"./{path}", type=REGULAR, mode=file.mode, mtime_s=epoch_s, size_bytes=size_bytes)
    written = _add(descriptor, member)
    if file.source:
        written += _send(file.source, size_bytes, descriptor)
    else:
        written += _put(descriptor, file.data)
    return written + _put(descriptor, padding_bytes(size_bytes))


def _add(descriptor: int, member: TarMember) -> int:
    return _put(descriptor, header_bytes(member))


def _put(descriptor: int, data: bytes) -> int:
    write_all(descriptor, data)
    return len(data)


def _send(source: Path, size_bytes: int, descriptor: int) -> int:
    """Write the first `size_bytes` of `source` to `descriptor`; their number."""
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
    return size_bytes
