"""A device that is written to: opened for nobody else, past the page cache, its faults told with their places."""

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from builder.core.errors import BuilderError
from builder.core.resources import format_size
from builder.flash.faults import DeviceFaultError
from builder.io import blockdev
from builder.io.locks import release

# Memory, place and length of direct input and output are multiples of this: the largest sector that is sold.
ALIGNMENT = 4096
_BLANK_STEP_BYTES = 1 << 30


class Target(ABC):
    """What an image is written to; `direct` where writing and reading go past the page cache.

    `sector_bytes` is the unit of writing. A context manager, which gives the lock back.
    """

    def __init__(self, path: Path, *, sector_bytes: int, size_bytes: int, descriptor: int, lock: int) -> None:
        self.path = path
        self.sector_bytes = sector_bytes
        self.size_bytes = size_bytes
        self._descriptor = descriptor
        self._lock = lock

    @property
    def name(self) -> str:
        """What people call it."""
        return self.path.name

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of `data`, whose length is a multiple of the sector's, at byte `offset`."""
        while data:
            try:
                count = os.pwrite(self._descriptor, data, offset)
            except OSError as error:
                if half := self._half(data, error):
                    self.write(data[:half], offset)
                    data, offset = data[half:], offset + half
                    continue
                raise self._fault("writing", offset, error) from error
            if not count:
                raise self._fault("writing", offset, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            data, offset = data[count:], offset + count

    def read(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer` with what is at byte `offset`."""
        while buffer:
            try:
                count = os.preadv(self._descriptor, [buffer], offset)
            except OSError as error:
                if half := self._half(buffer, error):
                    self.read(buffer[:half], offset)
                    buffer, offset = buffer[half:], offset + half
                    continue
                raise self._fault("reading", offset, error) from error
            if not count:
                raise self._fault("reading", offset, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            buffer, offset = buffer[count:], offset + count

    def sync(self) -> None:
        """Wait until the device itself has all that was written."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._fault("making everything durable", None, error) from error

    @abstractmethod
    def current_size(self) -> int:
        """Its bytes at this moment; 0 where it is gone."""

    @abstractmethod
    def blank(self, check: Callable[[], None]) -> bool:
        """Forget everything that is on it; False where it cannot be told to. `check` is called now and then."""

    @abstractmethod
    def zero(self, offset: int, length: int) -> None:
        """Make these bytes zeros."""

    @abstractmethod
    def drop_cached(self) -> None:
        """Let reads come from the device, not from this machine's memory."""

    @abstractmethod
    def finish(self) -> None:
        """Let the kernel see what is new on it."""

    def _half(self, data: memoryview, error: OSError) -> int:
        """Where to divide what failed, to find the place of the fault; 0 where it is found or the device is gone."""
        if error.errno in (errno.ENOSPC, errno.EINVAL) or not self._size_now():
            return 0
        return len(data) // 2 // ALIGNMENT * ALIGNMENT

    def _fault(self, what: str, offset: int | None, error: OSError) -> DeviceFaultError:
        return DeviceFaultError(self.name, what, offset=offset, error=error, sizes=(self.size_bytes, self._size_now()))

    def _size_now(self) -> int:
        try:
            return self.current_size()
        except OSError:
            return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        release(self._lock)


class DeviceTarget(Target):
    """A block device."""

    def current_size(self) -> int:
        """See `Target`; a device that was pulled out has no directory in sysfs any more."""
        # A partition's or a renamed node's name is not there either, but those are not opened.
        return blockdev.device_size(self._descriptor) if Path("/sys/class/block", self.name).exists() else 0

    def blank(self, check: Callable[[], None]) -> bool:
        """See `Target`; in steps, so that erasing a large card can be ended."""
        for offset in range(0, self.size_bytes, _BLANK_STEP_BYTES):
            check()
            try:
                if not blockdev.discard(self._descriptor, offset, min(_BLANK_STEP_BYTES, self.size_bytes - offset)):
                    return False
            except OSError as error:
                raise self._fault("discarding", offset, error) from error
        # A device that refuses the first time loses the ability, and only who asks again is told.
        return blockdev.discard(self._descriptor, 0, self.sector_bytes)

    def zero(self, offset: int, length: int) -> None:
        """See `Target`."""
        try:
            blockdev.zero(self._descriptor, offset, length)
        except OSError as error:
            raise self._fault("writing zeros", offset, error) from error

    def drop_cached(self) -> None:
        """See `Target`."""
        blockdev.drop_cached(self._descriptor)

    def finish(self) -> None:
        """See `Target`."""
        blockdev.read_partitions(self._descriptor)


class FileTarget(Target):
    """A regular file that stands for a device."""

    def current_size(self) -> int:
        """See `Target`."""
        return os.fstat(self._descriptor).st_size

    def blank(self, check: Callable[[], None]) -> bool:
        """See `Target`."""
        check()
        os.ftruncate(self._descriptor, 0)
        os.ftruncate(self._descriptor, self.size_bytes)
        return True

    def zero(self, offset: int, length: int) -> None:
        """See `Target`."""
        step = bytes(min(length, 1 << 20))
        view = memoryview(step)
        for start in range(0, length, len(step)):
            os.pwrite(self._descriptor, view[: min(len(step), length - start)], offset + start)

    def drop_cached(self) -> None:
        """See `Target`."""
        os.fsync(self._descriptor)
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def finish(self) -> None:
        """See `Target`; a file is all that there is."""


def check_size(target: Target, needed_bytes: int, image: Path) -> None:
    """Raise where `image`, which needs `needed_bytes`, does not fit; nothing was written yet."""
    if target.size_bytes < needed_bytes:
        raise BuilderError(
            f"{image} does not fit {target.path}",
            details=[
                f"image: {format_size(needed_bytes)} ({needed_bytes} bytes)",
                f"device: {format_size(target.size_bytes)} ({target.size_bytes} bytes)",
            ],
            hint="take a larger device; nothing was written",
        )
