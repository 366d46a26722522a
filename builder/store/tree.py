"""The files of an entry: sealed when it is made, compared with their record later.

Sealing makes results independent of who made them: files become 0444 or 0555 (by their owner's execute bit),
directories 0555, whatever the umask was; set-id bits, ownership and times are dropped. Every time stamp becomes
`SEALED_MTIME_S`: so steps that read them cannot come to depend on when they were made, and a later write, which sets
the present time, shows without reading the file.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from builder.core.digest import Digest
from builder.core.errors import BuilderError
from builder.io.files import copy_content, digest_content
from builder.store.record import Node, NodeKind

# 1980-01-01T00:00:00Z: the first moment that every archive and file system format can express (FAT, zip).
SEALED_MTIME_S = 315_532_800
_SEALED_NS = SEALED_MTIME_S * 1_000_000_000
_FILE_MODE = 0o444
_EXECUTABLE_MODE = 0o555
_DIRECTORY_MODE = 0o555
_HASHERS = 2
_EXECUTABLE_BIT = stat.S_IXUSR

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A name on disk and what lstat(2) says about it; `path` is relative to the root, '' for the root itself."""

    path: str
    status: os.stat_result

    @property
    def kind(self) -> NodeKind | None:
        mode = self.status.st_mode
        if stat.S_ISREG(mode):
            return NodeKind.FILE
        if stat.S_ISDIR(mode):
            return NodeKind.DIRECTORY
        return NodeKind.LINK if stat.S_ISLNK(mode) else None


def seal(root: Path, *, check: Callable[[], None]) -> list[Node]:
    """Make the tree at `root` read-only with normal modes and times; what is in it, sorted by path.

    `check` is called now and then and may raise to end the work. `BuilderError` for anything that is neither file,
    directory nor link, and for links into the tree by its present, absolute path, which is about to change.
    """
    found = sorted(_walk(root), key=lambda item: item.path)
    _refuse_foreign(root, found)
    inner_links = _count_links(found)
    files = [item for item in found if item.kind is NodeKind.FILE]

    def seal_one(item: _Found) -> Node:
        check()
        return _seal_file(root, item, shared=item.status.st_nlink > inner_links[item.status.st_ino])

    sealed = {node.path: node for node in _in_threads(seal_one, files)}
    nodes = [sealed.get(item.path) or _seal_other(root, item) for item in found]
    # Bottom-up: a directory that is read-only already would refuse changes to what is inside.
    for item in reversed(found):
        if item.kind is NodeKind.DIRECTORY:
            path = root / item.path
            path.chmod(_DIRECTORY_MODE)
            os.utime(path, ns=(_SEALED_NS, _SEALED_NS))
    return [node for node in nodes if node.path]


def compare(
    root: Path, nodes: Sequence[Node], *, thorough: bool, check: Callable[[], None] = lambda: None
) -> str | None:
    """The first difference between the tree at `root` and `nodes`, None when there is none.

    Cheap: names, kinds, sizes, modes, times and link targets. Thorough: also the content of every file.
    """
    try:
        found = {item.path: item for item in _walk(root)}
    except OSError as error:
        return f"{error.filename} cannot be read: {error.strerror}"
    expected = {node.path: node for node in (Node(path="", kind=NodeKind.DIRECTORY), *nodes)}
    difference = _compare_names(root, found, expected)
    if difference is not None or not thorough:
        return difference
    files = [node for node in nodes if node.kind is NodeKind.FILE]

    def content_differs(node: Node) -> bool:
        check()
        return _digest(root / node.path) != node.digest

    for node, differs in zip(files, _in_threads(content_differs, files), strict=True):
        if differs:
            return f"the content of {node.path} has changed"
    return None


def _in_threads(work: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> list[ResultT]:
    """The results of `work` in the order of `items`; hashing runs outside of the interpreter's lock."""
    if (
        len(items) < _HASHERS
    ):  # hundreds of results are one file each, and starting threads takes longer than hashing it
        return [work(item) for item in items]
    # Imported late: a build with nothing to do neither seals nor hashes.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(max_workers=_HASHERS) as pool:
        return list(pool.map(work, items))


def _compare_names(root: Path, found: Mapping[str, _Found], expected: Mapping[str, Node]) -> str | None:
    for path, node in expected.items():
        item = found.get(path)
        if item is None:
            return f"{path or root} is missing"
        if (what := _differs(root, item, node)) is not None:
            return f"{what} of {path or root} has changed"
    extra = found.keys() - expected.keys()
    return f"{min(extra)} was added" if extra else None


def _differs(root: Path, item: _Found, node: Node) -> str | None:
    if item.kind is not node.kind:
        return "the type"
    if node.kind is NodeKind.LINK:
        # A link cannot be changed, only replaced; and many an archiver does not restore its time.
        return "the target" if os.readlink(root / item.path) != node.target else None  # noqa: PTH115 - may not be UTF-8
    if item.status.st_mtime_ns != _SEALED_NS:
        return "the time"
    mode = _EXECUTABLE_MODE if node.kind is NodeKind.DIRECTORY or node.executable else _FILE_MODE
    if stat.S_IMODE(item.status.st_mode) != mode:
        return "the mode"
    if node.kind is NodeKind.FILE and item.status.st_size != node.size_bytes:
        return "the size"
    return None


def _walk(root: Path) -> Iterator[_Found]:
    """The root and everything below it, no link followed."""
    yield _Found(path="", status=root.lstat())
    pending = [""]
    while pending:
        directory = pending.pop()
        with os.scandir(root / directory) as entries:
            for entry in entries:
                path = f"{directory}/{entry.name}" if directory else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                yield _Found(path=path, status=entry.stat(follow_symlinks=False))


def _refuse_foreign(root: Path, found: Sequence[_Found]) -> None:
    for item in found:
        if item.kind is None:
            raise BuilderError(f"a step made {item.path}, which is neither file, directory nor link")
        if item.kind is NodeKind.LINK and os.readlink(root / item.path).startswith(f"{root}/"):  # noqa: PTH115
            raise BuilderError(
                f"a step made {item.path}, a link to {os.readlink(root / item.path)}",  # noqa: PTH115
                hint="that place is gone when the step is done; let the step make a relative link",
            )


def _count_links(found: Sequence[_Found]) -> dict[int, int]:
    """How often each inode occurs in the tree."""
    counts: dict[int, int] = {}
    for item in found:
        counts[item.status.st_ino] = counts.get(item.status.st_ino, 0) + 1
    return counts


def _seal_file(root: Path, item: _Found, *, shared: bool) -> Node:
    path = root / item.path
    if shared:
        _unshare(path)
    executable = bool(item.status.st_mode & _EXECUTABLE_BIT)
    if not item.status.st_mode & stat.S_IRUSR:
        path.chmod(_FILE_MODE)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        digest = digest_content(descriptor)
        size_bytes = os.fstat(descriptor).st_size
        os.fchmod(descriptor, _EXECUTABLE_MODE if executable else _FILE_MODE)
        os.utime(descriptor, ns=(_SEALED_NS, _SEALED_NS))
    finally:
        os.close(descriptor)
    return Node(path=item.path, kind=NodeKind.FILE, size_bytes=size_bytes, executable=executable, digest=digest)


def _unshare(path: Path) -> None:
    """Give `path` an inode of its own: its other names lie outside the entry, and writes there would change it."""
    copy = path.with_name(f".{path.name}.unshared")
    incoming = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        outgoing = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            copy_content(incoming, outgoing)
        finally:
            os.close(outgoing)
    finally:
        os.close(incoming)
    copy.replace(path)


def _seal_other(root: Path, item: _Found) -> Node:
    if item.kind is NodeKind.DIRECTORY:
        return Node(path=item.path, kind=NodeKind.DIRECTORY)
    path = root / item.path
    os.utime(path, ns=(_SEALED_NS, _SEALED_NS), follow_symlinks=False)
    return Node(path=item.path, kind=NodeKind.LINK, target=os.readlink(path))  # noqa: PTH115 - may not be UTF-8


def _digest(path: Path) -> Digest | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return digest_content(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
