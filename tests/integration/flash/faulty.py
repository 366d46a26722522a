"""A device that does what devices do wrong: a file in a FUSE file system of its own (linux/fuse.h), below a loop device.

The kernel's loop driver passes every read, write and discard on to it, past all caches.
"""

import contextlib
import ctypes
import errno
import os
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_IN, _OUT = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
_READ = struct.Struct("<QQIIQII")
_FALLOCATE = struct.Struct("<QQQII")
_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ_CODE, _WRITE_CODE = 1, 2, 3, 4, 14, 15, 16
_STATFS, _RELEASE, _FSYNC, _FLUSH, _INIT, _DESTROY, _BATCH_FORGET, _FALLOCATE_CODE = 17, 18, 20, 25, 26, 38, 42, 43
_ROOT, _FILE = 1, 2
_DIRECT_IO = 1
# Large writes, and how many pages each may have.
_FLAGS = 1 << 5 | 1 << 22
_PAGES = 256
_BUFFER_BYTES = _PAGES * 4096 + 4096
_MS_NOSUID, _MS_NODEV, _MNT_DETACH = 2, 4, 2
NAME = "device"


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong; places are bytes, -1 for never. It may be changed while the device is in use.

    `corrupts_at`: one bit there is stored wrongly, and nobody is told. `ends_at`: what lies behind is dropped silently, as by
    cards that tell of more room than they have. `vanishes_at`: with a write there, everything fails from then on.
    """

    fails_writing_at: int = -1
    fails_reading_at: int = -1
    corrupts_at: int = -1
    ends_at: int = -1
    vanishes_at: int = -1
    fails_flushing: bool = False
    discards: bool = True
    bytes_per_s: float = 0.0
    on_write: Callable[[int], None] = field(default=lambda _: None)
    is_gone: bool = False


class AnswerError(OSError):
    """What the kernel is told."""


class FaultyFile:
    """Serves one file of `size` bytes below `directory` until it is closed; `content` is what is really stored."""

    def __init__(self, directory: Path, size: int, faults: Faults) -> None:
        self.faults = faults
        self.path = directory / "mount" / NAME
        self._size = size
        self._content = os.open(directory / "content", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(self._content, size)
        self._fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self.path.parent.mkdir()
        options = f"fd={self._fuse},rootmode=40000,user_id=0,group_id=0"
        _libc("mount", b"faulty", bytes(self.path.parent), b"fuse", _MS_NOSUID | _MS_NODEV, options.encode())
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def content(self, offset: int, length: int) -> bytes:
        """What is stored."""
        return os.pread(self._content, length, offset)

    def resize(self, size: int) -> None:
        """Be of another size from now on."""
        self._size = size
        os.ftruncate(self._content, size)

    def forget(self) -> None:
        """Be another card of the same size."""
        os.ftruncate(self._content, 0)
        os.ftruncate(self._content, self._size)

    def close(self) -> None:
        _libc("umount2", bytes(self.path.parent), _MNT_DETACH)
        self._thread.join(10)
        os.close(self._fuse)
        os.close(self._content)

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._fuse, _BUFFER_BYTES)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return
            _, code, unique, node, *_ = _IN.unpack_from(request)
            if code in (_FORGET, _BATCH_FORGET):
                continue
            try:
                status, answer = 0, self._answer(code, node, request[_IN.size :])
            except OSError as error:
                status, answer = -(error.errno or errno.EIO), b""
            with contextlib.suppress(OSError):
                os.write(self._fuse, _OUT.pack(_OUT.size + len(answer), status, unique) + answer)

    def _answer(self, code: int, node: int, body: bytes) -> bytes:
        if code == _LOOKUP and body.rstrip(b"\0") != NAME.encode():
            raise AnswerError(errno.ENOENT, "")
        offered = struct.unpack_from("<I", body, 12)[0] if code == _INIT else 0
        about = struct.pack("<QII", 1, 0, 0) + self._attributes(node)
        answers = {
            _INIT: struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, _FLAGS & offered, 16, 12, _PAGES * 4096, 1, _PAGES, 0, 0),
            _LOOKUP: struct.pack("<QQQQII", _FILE, 0, 1, 1, 0, 0) + self._attributes(_FILE),
            _GETATTR: about,
            _SETATTR: about,
            _OPEN: struct.pack("<QII", 1, _DIRECT_IO, 0),
            _STATFS: struct.pack("<QQQQQIIII24x", self._size // 4096, 0, 0, 2, 0, 4096, 255, 4096, 0),
            **dict.fromkeys((_RELEASE, _FLUSH, _DESTROY), b""),
        }
        return answers[code] if code in answers else self._device(code, body)

    def _device(self, code: int, body: bytes) -> bytes:
        faults = self.faults
        if faults.is_gone or (code == _FSYNC and faults.fails_flushing):
            raise AnswerError(errno.EIO, "")
        if code == _FSYNC:
            return b""
        if code == _READ_CODE:
            _, offset, length, *_ = _READ.unpack_from(body)
            return self._read(offset, length)
        if code == _WRITE_CODE:
            _, offset, length, *_ = _READ.unpack_from(body)
            self._write(offset, body[_READ.size : _READ.size + length])
            return struct.pack("<II", length, 0)
        if code == _FALLOCATE_CODE and faults.discards:
            _, offset, length, _, _ = _FALLOCATE.unpack_from(body)
            self._zero(offset, length)
            return b""
        raise AnswerError(errno.ENOSYS, "")

    def _read(self, offset: int, length: int) -> bytes:
        self._pause(length)
        if offset <= self.faults.fails_reading_at < offset + length:
            raise AnswerError(errno.EIO, "")
        return os.pread(self._content, length, offset)

    def _write(self, offset: int, data: bytes) -> None:
        faults, end = self.faults, offset + len(data)
        faults.on_write(offset)
        self._pause(len(data))
        if offset <= faults.fails_writing_at < end:
            raise AnswerError(errno.EIO, "")
        if offset <= faults.vanishes_at < end:
            faults.is_gone = True
            raise AnswerError(errno.EIO, "")
        if offset <= faults.corrupts_at < end:
            place = faults.corrupts_at - offset
            data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        if offset >= self._size:
            raise AnswerError(errno.EIO, "")
        if faults.ends_at >= 0:
            data = data[: max(0, faults.ends_at - offset)]
        os.pwrite(self._content, data, offset)

    def _zero(self, offset: int, length: int) -> None:
        for start in range(offset, offset + length, 1 << 20):
            os.pwrite(self._content, bytes(min(1 << 20, offset + length - start)), start)

    def _pause(self, length: int) -> None:
        if self.faults.bytes_per_s:
            time.sleep(length / self.faults.bytes_per_s)

    def _attributes(self, node: int) -> bytes:
        mode, size = (stat.S_IFDIR | 0o755, 0) if node == _ROOT else (stat.S_IFREG | 0o600, self._size)
        return _ATTR.pack(node, size, -(-size // 512), 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


@contextmanager
def faulty_file(directory: Path, size: int, faults: Faults) -> Iterator[FaultyFile]:
    """A file of `size` bytes with `faults`."""
    directory.mkdir(exist_ok=True)
    made = FaultyFile(directory, size, faults)
    try:
        yield made
    finally:
        made.close()


def _libc(name: str, *arguments: bytes | int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
