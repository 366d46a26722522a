"""Files: written whole or not at all, copied with their digest, removed without leaving the tree."""

import errno
import fcntl
import hashlib
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from builder.core.digest import Digest

CHUNK_BYTES = 1 << 20
# _IOW(0x94, 9, int) of linux/fs.h: share the blocks of another file (btrfs, xfs, bcachefs).
_FICLONE = 0x40049409


def atomic_write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Make `path` hold `data`: completely, durably and with `mode` whatever the umask, or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, data)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of `data`; write(2) may take less."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(path: Path) -> None:
    """Make the names in directory `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_file(source: Path, target: Path, *, mode: int = 0o644) -> Digest:
    """Copy the content of `source` to the new file `target` and return the digest of what was written."""
    incoming = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        outgoing = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            digest = copy_content(incoming, outgoing)
            os.fchmod(outgoing, mode)
        finally:
            os.close(outgoing)
    finally:
        os.close(incoming)
    return digest


def copy_content(incoming: int, outgoing: int) -> Digest:
    """Copy all of `incoming` to the empty file `outgoing`, which must be readable too; the digest is of what it holds.

    File systems that can share blocks do so, then the digest is read back. Elsewhere each chunk is hashed between read
    and write: copy_file_range(2) would save one copy in memory and cost a second read for the digest.
    """
    if share_blocks(incoming, outgoing):
        return digest_content(outgoing)
    buffer = bytearray(CHUNK_BYTES)
    digest = hashlib.sha256()
    with memoryview(buffer) as view:
        while count := os.readv(incoming, [buffer]):
            digest.update(view[:count])
            write_all(outgoing, view[:count])
    return Digest.from_hex(digest.hexdigest())


def share_blocks(incoming: int, outgoing: int) -> bool:
    """Let `outgoing` share the blocks of `incoming` (reflink); False where the file systems cannot."""
    try:
        fcntl.ioctl(outgoing, _FICLONE, incoming)
    except OSError:
        return False
    return True


def digest_content(descriptor: int) -> Digest:
    """The digest of the whole file behind `descriptor`; its position is left at the end of what was read."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    digest = hashlib.sha256()
    # Trees of sources are many small files; a chunk of one MiB for each would cost more than its content.
    chunk_bytes = min(os.fstat(descriptor).st_size + 1, CHUNK_BYTES)
    while data := os.read(descriptor, chunk_bytes):
        digest.update(data)
    return Digest.from_hex(digest.hexdigest())


def remove_tree(root: Path) -> None:
    """Remove `root` and all below it; nothing happens when it is missing.

    Read-only directories (Go's module cache) are made writable first. Links are removed, never followed: every
    directory is opened without following links and its entries are named relative to it.
    """
    try:
        parent = os.open(root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        _remove_entry(parent, root.name)
    finally:
        os.close(parent)


def _remove_entry(parent: int, name: str) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            _unlink(parent, name)
            return
        directory = _open_writable(parent, name)
        try:
            with os.scandir(directory) as entries:
                names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            for inner, is_directory in names:
                if is_directory:
                    _remove_entry(directory, inner)
                else:
                    _unlink(directory, inner)
        finally:
            os.close(directory)
        os.rmdir(name, dir_fd=parent)


def _unlink(parent: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent)


def _open_writable(parent: int, name: str) -> int:
    """A descriptor of the directory `name` that may be listed and emptied."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        directory = os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    except PermissionError:
        # Not even readable: O_PATH needs no permission, and /proc gives its inode a name that chmod can take.
        handle = os.open(name, os.O_PATH | flags, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)  # noqa: PTH101 - a descriptor, no path of ours
        finally:
            os.close(handle)
        directory = os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    if os.fstat(directory).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(directory, stat.S_IRWXU)
    return directory


def is_disk_full(error: OSError) -> bool:
    """Whether `error` means that a file system or a quota is exhausted."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
