"""Opening what is written to: for nobody else, past the page cache, and by udisks2 for who may not by himself."""

import errno
import os
import stat
from pathlib import Path

from builder.core.errors import BuilderError
from builder.flash.faults import denied_error, name_owner, open_error
from builder.flash.target import DeviceTarget, FileTarget, Target
from builder.io import blockdev
from builder.io.locks import release, try_acquire

_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
_FILE_SECTOR_BYTES = 512


def open_target(path: Path, *, may_be_file: bool = False) -> Target:
    """Open `path`, a block device or, where that is allowed, a file, for us alone; `BuilderError` says why not."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISBLK(mode):
            return _device(path)
        if may_be_file and stat.S_ISREG(mode):
            return _file(path)
    except OSError as error:
        raise open_error(path, error) from error
    raise BuilderError(f"{path} is no block device")


def _file(path: Path) -> FileTarget:
    lock = _locked(path, os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
    try:
        descriptor = _open_direct(path)
    except BaseException:
        release(lock)
        raise
    size = os.fstat(descriptor).st_size
    return FileTarget(path, sector_bytes=_FILE_SECTOR_BYTES, size_bytes=size, descriptor=descriptor, lock=lock)


def _device(path: Path) -> DeviceTarget:
    """Not exclusive at first, so that whoever holds the lock can be named."""
    flags = _FLAGS | os.O_EXCL | os.O_DIRECT
    try:
        lock = _locked(path, os.open(path, _FLAGS))
    except PermissionError:
        descriptor = _ask_udisks(path, flags)
        try:
            # The lock is the open file's, which both have.
            lock = _locked(path, os.dup(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
    else:
        try:
            descriptor = os.open(path, flags)
        except BaseException:
            release(lock)
            raise
    size, sector = blockdev.device_size(descriptor), blockdev.sector_size(descriptor)
    return DeviceTarget(path, sector_bytes=sector, size_bytes=size, descriptor=descriptor, lock=lock)


def _locked(path: Path, descriptor: int) -> int:
    if not try_acquire(descriptor):
        os.close(descriptor)
        raise BuilderError(
            f"{path} is being written to, or looked at, by another program{name_owner(path)}",
            hint="wait until it is done; two writers on one device would spoil it",
        )
    return descriptor


def _ask_udisks(path: Path, flags: int) -> int:
    from builder.flash.udisks import UdisksError, open_device  # noqa: PLC0415 - only who has no rights needs D-Bus

    try:
        return open_device(path, flags)
    except UdisksError as error:
        raise denied_error(path, str(error)) from None


def _open_direct(path: Path) -> int:
    """Open past the page cache; file systems in memory cannot, and have no cache to go past."""
    try:
        return os.open(path, _FLAGS | os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.open(path, _FLAGS)
