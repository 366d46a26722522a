"""What devices do wrong, in words."""

import errno
import grp
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from builder.core.errors import BuilderError, VerificationError
from builder.core.resources import format_size

_SECTOR_BYTES = 512
_LIST = "'builder devices' lists what is there"
_GONE = (errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM)


class DeviceFaultError(BuilderError):
    """A device failed; `offset` is the byte, None where the kernel names no place."""

    def __init__(self, name: str, what: str, *, offset: int | None, error: OSError, sizes: tuple[int, int]) -> None:
        before, now = sizes
        where = "" if offset is None else f" at byte {offset} (sector {offset // _SECTOR_BYTES} of 512 bytes)"
        if not now or error.errno in _GONE:
            brief, hint = f"{name} disappeared while {what}{where}", f"put it in again and repeat; {_LIST}"
        elif now < before:
            brief = f"{name} became smaller while {what}{where}: {format_size(now)} instead of {format_size(before)}"
            hint = "it tells of more room than it has; do not use it"
        else:
            brief, hint = f"{name} failed while {what}{where}: {error.strerror}", "try another slot or card reader"
        super().__init__(brief, details=["what is on it now is incomplete: do not start it"], hint=hint)
        self.offset = offset


class WrongContentError(VerificationError):
    """A device holds something else than what was written to it; `resumed`: not now, but by an earlier try."""

    def __init__(self, name: str, *, offset: int, length: int, resumed: bool) -> None:
        first, last = offset // _SECTOR_BYTES, (offset + length - 1) // _SECTOR_BYTES
        super().__init__(
            f"{name} does not hold what was written: bytes {offset} to {offset + length - 1} differ",
            details=[
                f"sectors {first} to {last} of 512 bytes; what lies before them is right, what follows was not read"
            ],
            hint="an earlier try wrote it, and something else may have been written since: run it again, from the beginning"
            if resumed
            else "the device is worn out or tells of more room than it has: do not use it",
        )
        self.offset = offset


def denied_error(path: Path, udisks: str) -> BuilderError:
    """Why `path` may not be written; `udisks` says why udisks2 opens it neither."""
    group = _group(path)
    return BuilderError(
        f"{path} may not be written by you",
        details=[*_rights(path), udisks],
        hint="run the same command with sudo" + (f", or have yourself added to the group {group}" if group else ""),
    )


def open_error(path: Path, error: OSError) -> BuilderError:
    """Why `path` could not be opened."""
    if isinstance(error, PermissionError):
        return BuilderError(
            f"{path} may not be written by you", details=_rights(path), hint="run the same command with sudo"
        )
    if error.errno == errno.EBUSY:
        return BuilderError(f"{path} is in use: mounted, or opened by another program", hint="unmount it first")
    if error.errno in (*_GONE, errno.ENOENT):
        return BuilderError(f"there is no device {path}, or no medium in it", hint=_LIST)
    return BuilderError(f"{path} cannot be opened: {error.strerror}", hint=_LIST)


def name_owner(path: Path) -> str:
    """` (process 123, NAME)` for the process that holds the lock of `path`; empty where that is not told."""
    try:
        status = path.stat()
        wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if fields[1:2] == ["FLOCK"] and fields[5] == wanted:
                return f" (process {fields[4]}, {Path('/proc', fields[4], 'comm').read_text().strip()})"
    except (OSError, IndexError):
        pass
    return ""


def _rights(path: Path) -> Sequence[str]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (f"it belongs to user {status.st_uid} and group {status.st_gid}, mode {status.st_mode & 0o7777:04o}",)


def _group(path: Path) -> str:
    """The group whose members may write to `path`; empty where there is none but root's."""
    try:
        status = path.stat()
        may_write = status.st_mode & stat.S_IWGRP and status.st_gid
        return grp.getgrgid(status.st_gid).gr_name if may_write else ""
    except (OSError, KeyError):
        return ""
