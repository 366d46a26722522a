"""Room on file systems: looked at before work begins, and named clearly when it ends in the middle."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.core.errors import BuilderError
from builder.core.resources import format_size
from builder.io.files import is_disk_full


def free_space(path: Path) -> int:
    """The bytes that an ordinary user may still write on the file system of `path` (or of its nearest parent)."""
    usage = os.statvfs(_existing(path))
    return usage.f_bavail * usage.f_frsize


def check_space(path: Path, needed_bytes: int, *, what: str = "this build") -> None:
    """Raise `BuilderError` when the file system of `path` has less than `needed_bytes` free."""
    free_bytes = free_space(path)
    if free_bytes < needed_bytes:
        raise BuilderError(
            f"the file system {describe_file_system(path)} is too full for {what}",
            details=[f"free: {format_size(free_bytes)}, needed: {format_size(needed_bytes)}"],
            hint="free some space there, or choose another place",
        )


@contextmanager
def explain_full_disk(path: Path, *, what: str) -> Iterator[None]:
    """Turn "no space left" inside the block into a `BuilderError` that names the file system of `path`."""
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise full_disk_error(path, what=what) from error


def full_disk_error(path: Path, *, what: str) -> BuilderError:
    """The error that says that the file system of `path` became full during `what`."""
    return BuilderError(
        f"the file system {describe_file_system(path)} became full while {what}",
        details=[f"free now: {format_size(free_space(path))}"],
        hint="free some space there, or choose another place; nothing half-made was kept",
    )


def describe_file_system(path: Path) -> str:
    """Where the file system of `path` is mounted, and its type."""
    place = _existing(path).resolve()
    mount, kind = Path("/"), "unknown type"
    for point, found in mounts(Path("/proc/self/mountinfo").read_text()):
        if place.is_relative_to(point) and len(point.parts) >= len(mount.parts):
            mount, kind = point, found
    return f"{mount} ({kind})"


def mounts(mountinfo: str) -> list[tuple[Path, str]]:
    """Mount point and type of each line of /proc/self/mountinfo (proc(5))."""
    found = []
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        found.append((Path(unescape(head.split()[4])), tail.split()[0]))
    return found


def unescape(text: str) -> str:
    r"""`text` of mountinfo with the octal escapes (`\040` for a space) undone."""
    if "\\" not in text:
        return text
    parts = text.split("\\")
    return parts[0] + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts[1:])


def _existing(path: Path) -> Path:
    for place in (path, *path.parents):
        if place.exists():
            return place
    return Path("/")
