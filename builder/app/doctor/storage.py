"""The places that a build writes to: room, file system, and whether they keep what they promise."""

import errno
import fcntl
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from builder.app.doctor.report import Finding, missing, ok, warning
from builder.core.resources import MIB, format_size
from builder.io.space import free_space, mounts

# Less than this is no room for any step's result.
_LEAST_FREE_BYTES = 256 * MIB

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_LAYERED = frozenset({"overlay", "aufs", "fuse.fuse-overlayfs"})
_NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs",
    "lustre", "ncpfs", "nfs", "nfs4", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was found out about a directory.

    `probed` is where: the directory itself, or the nearest one above it that exists. `error` says why nothing can be
    written there, empty when it can; the three facts that need writing are then False.
    """

    path: Path
    probed: Path
    kind: str
    free_bytes: int
    error: str
    runs_programs: bool
    locks_work: bool
    is_case_sensitive: bool


def probe_place(path: Path) -> Place:
    """Look at `path` by really writing, locking and naming files there; they are removed again."""
    # Not Path.is_dir, which raises where a directory above may not be searched.
    places = (path.absolute(), *path.absolute().parents)
    probed = next(place for place in places if os.path.isdir(place))  # noqa: PTH112
    error, locks_work, is_case_sensitive = "", False, False
    try:
        with tempfile.TemporaryDirectory(prefix=".builder-doctor-", dir=probed) as scratch:
            locks_work = probe_locks(Path(scratch))
            is_case_sensitive = probe_case(Path(scratch))
    except OSError as failure:
        error = failure.strerror or str(failure)
    return Place(
        path=path,
        probed=probed,
        kind=kind_of(probed.resolve(), Path("/proc/self/mountinfo").read_text()),
        free_bytes=free_space(probed),
        error=error,
        runs_programs=not os.statvfs(probed).f_flag & os.ST_NOEXEC,
        locks_work=locks_work,
        is_case_sensitive=is_case_sensitive,
    )


def probe_locks(scratch: Path) -> bool:
    """Whether a second holder of a lock is refused; some network file systems let everyone pass."""
    path = scratch / "lock"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for _ in range(2))
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno == errno.EWOULDBLOCK
    finally:
        os.close(first)
        os.close(second)
    return False


def probe_case(scratch: Path) -> bool:
    """Whether names that differ in case alone name different files."""
    (scratch / "Case").touch()
    with suppress(FileExistsError):
        (scratch / "case").touch(exist_ok=False)
        return True
    return False


def kind_of(path: Path, mountinfo: str) -> str:
    """The type of the file system that holds `path`, which must be resolved; of mounts on one point the last counts."""
    best, kind = Path("/"), "unknown"
    for point, found in mounts(mountinfo):
        if path.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, found
    return kind


def judge_place(name: str, place: Place, needed_bytes: int) -> tuple[Finding, ...]:
    """Room, file system and promises of a directory that a build fills with up to `needed_bytes`."""
    if place.error:
        return (_unwritable(name, place),)
    return (_judge_room(name, place, needed_bytes), _judge_file_system(name, place))


def judge_temporary(place: Place) -> tuple[Finding, ...]:
    """The directory for temporary files; it needs to be there, little is written to it."""
    name = "temporary files"
    if place.path.absolute() != place.probed:
        return (missing(name, f"{place.path} is no directory", "point TMPDIR to a directory of yours"),)
    if place.error:
        return (_unwritable(name, place),)
    return (ok(name, f"{place.path} ({place.kind}), {format_size(place.free_bytes)} free"),)


def _unwritable(name: str, place: Place) -> Finding:
    ways = {
        "cache": "set BUILDER_CACHE to a directory of yours",
        "checkout": "build from a checkout that you may write to, or name another output directory",
        "temporary files": "set TMPDIR to a directory of yours",
    }
    return missing(name, f"{place.probed} cannot be written to: {place.error}", ways[name])


def _judge_room(name: str, place: Place, needed_bytes: int) -> Finding:
    title = f"{name}: room"
    found = f"{format_size(place.free_bytes)} free in {place.path}, a full build fills {format_size(needed_bytes)}"
    if place.free_bytes < _LEAST_FREE_BYTES:
        return missing(title, found, "free some space, or choose another place")
    if place.free_bytes < needed_bytes:
        hint = "enough if earlier builds filled the caches already; otherwise free some space, or choose another place"
        return warning(title, found, hint)
    return ok(title, found)


def _judge_file_system(name: str, place: Place) -> Finding:
    title = f"{name}: file system"
    if not place.locks_work:
        hint = "two builders at once would spoil each other's work; use a local file system"
        return missing(title, f"{place.kind}, locks do not work", hint)
    if not place.is_case_sensitive:
        hint = "Go modules and root file systems have names that differ in case alone; use another file system"
        return missing(title, f"{place.kind}, does not tell upper from lower case", hint)
    if not place.runs_programs:
        return missing(title, f"{place.kind}, mounted noexec", "toolchains run from here; mount it with exec")
    risk = _risk(place.kind)
    return warning(title, place.kind, risk) if risk else ok(title, f"{place.kind}, locks and case are fine")


def _risk(kind: str) -> str:
    if kind in _IN_MEMORY:
        return "lies in memory, which builds then lack, and is gone after a restart"
    if kind in _LAYERED:
        return "is gone with its container, and slower; mount a volume there to keep it"
    if kind in _NETWORK:
        return "a network or shared file system: slow, and locks between machines are not to be relied on"
    return ""
