"""The output directory: the one place that others may have changed, or prepared against us, since the last build."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.core.digest import Digest
from builder.core.errors import BuilderError, VerificationError
from builder.io.cancel import CancelToken
from builder.io.files import copy_content, digest_content, is_disk_full, write_all
from builder.io.locks import acquire, ignore, open_lock, release, try_acquire
from builder.io.outstate import OutputState, state_file
from builder.io.space import check_space, full_disk_error

_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# File systems that know no flock(2) on directories: NFS (EBADF), some FUSE ones (the others).
_NO_LOCK = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file to write: where below the root, from which file, with which content and size."""

    path: PurePosixPath
    source: Path
    digest: Digest
    size_bytes: int
    executable: bool = False


class OutputDirectory:
    """Writes files below `root`, for one builder at a time; obtained from `open_output`.

    Directories below the root are opened one by one and never through a symbolic link; a link planted as a directory
    or as a file is refused. A link at the root itself is the user's choice. Every file is complete or what it was
    before. A file that still is what was written last time is not read again.
    """

    def __init__(self, root: Path, descriptor: int, state: OutputState) -> None:
        self._root = root
        self._descriptor = descriptor
        self._state = state

    def check(self, artifacts: Iterable[Artifact]) -> None:
        """Raise `BuilderError` before anything is written: no permission, a planted link, too little space."""
        needed = 0
        for artifact in artifacts:
            with self._directory(artifact.path, create=False) as directory:
                if directory is None:
                    needed += artifact.size_bytes
                    continue
                status = self._status(directory, artifact.path)
                if status is None or not self._state.is_same(artifact.path, artifact.digest, status):
                    needed += artifact.size_bytes
                    self._require_writable(artifact.path.parent, directory)
        if needed:
            check_space(self._root, needed, what="the output")

    def write_file(self, artifact: Artifact) -> bool:
        """Make the file complete; whether it was changed.

        `VerificationError` when the source does not have the announced digest: then the old file stays.
        """

        def fill(descriptor: int) -> Digest:
            incoming = os.open(artifact.source, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return copy_content(incoming, descriptor)
            finally:
                os.close(incoming)

        return self._write(artifact.path, artifact.digest, artifact.executable, fill)

    def write_bytes(self, path: PurePosixPath, data: bytes) -> bool:
        """Make the file at `path` hold `data`; whether it was changed."""
        digest = Digest.of_bytes(data)

        def fill(descriptor: int) -> Digest:
            write_all(descriptor, data)
            return digest

        return self._write(path, digest, executable=False, fill=fill)

    def _write(self, path: PurePosixPath, digest: Digest, executable: bool, fill: Callable[[int], Digest]) -> bool:
        with self._explained(path), self._directory(path, create=True) as directory:
            if directory is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._root / path))
            mode = 0o755 if executable else 0o644
            status = self._status(directory, path)
            if (
                status is not None
                and self._state.is_same(path, digest, status)
                and stat.S_IMODE(status.st_mode) == mode
            ):
                return False
            if status is not None and self._adopt(directory, path, digest, mode):
                return False
            self._replace(directory, path, digest, mode, fill)
            return True

    def _adopt(self, directory: int, path: PurePosixPath, digest: Digest, mode: int) -> bool:
        """Take over a file that has the right content although nothing is known of it."""
        try:
            descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except PermissionError:
            return False
        try:
            before = os.fstat(descriptor)
            if digest_content(descriptor) != digest or os.fstat(descriptor).st_mtime_ns != before.st_mtime_ns:
                return False
            if stat.S_IMODE(before.st_mode) != mode:
                os.fchmod(descriptor, mode)
            self._state.note(path, digest, os.fstat(descriptor))
        finally:
            os.close(descriptor)
        return True

    def _replace(
        self, directory: int, path: PurePosixPath, digest: Digest, mode: int, fill: Callable[[int], Digest]
    ) -> None:
        # One fixed name: we hold the lock, so what a killed builder left under it is ours to remove.
        temporary = f".{path.name}.builder-tmp"
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
        try:
            found = fill(descriptor)
            if found != digest:
                raise _wrong_content(self._root / path, digest, found)  # noqa: TRY301 - removes the temporary file
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            os.rename(temporary, path.name, src_dir_fd=directory, dst_dir_fd=directory)
            # After the rename, which itself changes the file's ctime.
            self._state.note(path, digest, os.fstat(descriptor))
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
            raise
        finally:
            os.close(descriptor)
        os.fsync(directory)

    def _status(self, directory: int, path: PurePosixPath) -> os.stat_result | None:
        """What lies at `path`, None when nothing does; anything but a plain file is refused."""
        try:
            status = os.stat(path.name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            raise self._refusal(path, status)
        return status

    @contextmanager
    def _directory(self, path: PurePosixPath, *, create: bool) -> Iterator[int | None]:
        """The directory of the file `path`, opened without following links; None when it is absent and not created."""
        _require_plain(path)
        descriptor: int | None = os.dup(self._descriptor)
        try:
            for part in reversed([parent for parent in path.parents if parent.name]):
                if descriptor is None:
                    break
                inner = self._enter(descriptor, part, create=create)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _enter(self, parent: int, path: PurePosixPath, *, create: bool) -> int | None:
        try:
            return os.open(path.name, _DIRECTORY_FLAGS, dir_fd=parent)
        except FileNotFoundError:
            self._require_writable(path.parent, parent)
            if not create:
                return None
            os.mkdir(path.name, 0o755, dir_fd=parent)
            descriptor = os.open(path.name, _DIRECTORY_FLAGS, dir_fd=parent)
            os.fchmod(descriptor, 0o755)
            return descriptor
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            status = os.stat(path.name, dir_fd=parent, follow_symlinks=False)
            raise self._refusal(path, status) from error

    def _require_writable(self, path: PurePosixPath, directory: int) -> None:
        if not os.access(f"/proc/self/fd/{directory}", os.W_OK | os.X_OK):
            raise _not_writable(self._root / path)

    def _refusal(self, path: PurePosixPath, status: os.stat_result) -> BuilderError:
        place = self._root / path
        if stat.S_ISLNK(status.st_mode):
            return BuilderError(
                f"{place} is a symbolic link; the builder does not write through links in the output directory",
                hint=f"remove it (rm {place}), or choose another output directory",
            )
        return BuilderError(
            f"{place} is in the way: it is no {'file' if stat.S_ISDIR(status.st_mode) else 'directory or file'}",
            hint="move it away, or choose another output directory",
        )

    @contextmanager
    def _explained(self, path: PurePosixPath) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if is_disk_full(error):
                raise full_disk_error(self._root, what=f"{self._root / path} was written") from error
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise _not_writable(self._root / path.parent) from error
            raise


@contextmanager
def open_output(
    root: Path, *, state: Path, cancel: CancelToken | None = None, on_wait: Callable[[], None] = ignore
) -> Iterator[OutputDirectory]:
    """The output directory `root`, created when missing and ours alone while the block runs.

    `state` is a directory among the caches, for what is known of the files. `on_wait` is called when another builder
    has the output directory now; this one waits until that is done.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileExistsError, NotADirectoryError) as error:
        raise BuilderError(f"the output directory {root} is no directory", hint="choose another one") from error
    except OSError as error:
        raise _not_writable(root) from error
    path = state_file(root, state)
    try:
        with _sole_use(descriptor, path.with_suffix(".lock"), cancel, on_wait):
            known = OutputState(path)
            try:
                yield OutputDirectory(root, descriptor, known)
            finally:
                known.save()
    finally:
        os.close(descriptor)


@contextmanager
def _sole_use(
    directory: int, substitute: Path, cancel: CancelToken | None, on_wait: Callable[[], None]
) -> Iterator[None]:
    """Hold the lock of `directory`, or of the file `substitute` where directories cannot be locked."""
    descriptor = os.dup(directory) if _can_lock(directory) else _open_substitute(substitute)
    try:
        acquire(descriptor, cancel=cancel, on_wait=on_wait)
        yield
    finally:
        release(descriptor)


def _can_lock(directory: int) -> bool:
    try:
        try_acquire(directory)
    except OSError as error:
        if error.errno not in _NO_LOCK:
            raise
        return False
    return True


def _open_substitute(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return open_lock(path)


def _require_plain(path: PurePosixPath) -> None:
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise BuilderError(f"{path} does not name a file below the output directory")


def _not_writable(place: Path) -> BuilderError:
    return BuilderError(
        f"the output directory {place} cannot be written",
        hint="make it writable, or choose another output directory",
    )


def _wrong_content(place: Path, expected: Digest, found: Digest) -> VerificationError:
    return VerificationError(
        f"the content for {place} is not what it must be",
        details=[f"expected {expected}", f"found    {found}"],
    )
