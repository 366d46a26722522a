"""Block devices by their descriptors: sizes, and what only the kernel can do with them (linux/fs.h)."""

import errno
import fcntl
import os
import struct
from contextlib import suppress

_BLKGETSIZE64 = 0x80081272
_BLKSSZGET = 0x1268
_BLKDISCARD = 0x1277
_BLKZEROOUT = 0x127F
_BLKFLSBUF = 0x1261
_BLKRRPART = 0x125F
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL)


def device_size(descriptor: int) -> int:
    """Bytes of the device; 0 where its medium is gone."""
    (size,) = struct.unpack("Q", fcntl.ioctl(descriptor, _BLKGETSIZE64, bytes(8)))
    return int(size)


def sector_size(descriptor: int) -> int:
    """Bytes of the smallest piece that the device reads or writes."""
    (size,) = struct.unpack("i", fcntl.ioctl(descriptor, _BLKSSZGET, bytes(4)))
    return int(size)


def discard(descriptor: int, offset: int, length: int) -> bool:
    """Tell the device that nobody needs these bytes any more; False where it cannot be told."""
    try:
        fcntl.ioctl(descriptor, _BLKDISCARD, struct.pack("QQ", offset, length))
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


def zero(descriptor: int, offset: int, length: int) -> None:
    """Make these bytes zeros: by the device itself where it can, else the kernel writes them."""
    fcntl.ioctl(descriptor, _BLKZEROOUT, struct.pack("QQ", offset, length))


def drop_cached(descriptor: int) -> None:
    """Let later reads come from the device: what the kernel keeps of it is forgotten."""
    # An administrator's right; what others wrote past the page cache is not in it anyway.
    with suppress(PermissionError):
        fcntl.ioctl(descriptor, _BLKFLSBUF, 0)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def read_partitions(descriptor: int) -> None:
    """Let the kernel read the partition table again; devices without partitions refuse, and that is fine.

    Nobody but administrators may ask for it; udev does so itself when a device that was written to is closed.
    """
    try:
        fcntl.ioctl(descriptor, _BLKRRPART, 0)
    except OSError as error:
        if error.errno not in (*_UNSUPPORTED, errno.EBUSY, errno.EACCES, errno.EPERM):
            raise
