"""The parts of the cache directory, and making room in them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.app.session import Session
from builder.io.files import remove_tree
from builder.store.collect import Damage, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePart:
    """One directory of the cache and what lies in it."""

    name: str
    path: str
    files: int
    size_bytes: int


def cache_stats(session: Session) -> list[CachePart]:
    """How much each part of the cache holds on disk, in bytes of content."""
    return [_measure(name, path) for name, path in _parts(session)]


def clear_tool_caches(session: Session) -> int:
    """Empty the caches of tools and of Python, and what is kept of Debian's archive; the bytes that were freed."""
    freed = 0
    for path in (*session.project.caches.all, session.project.bytecode):
        freed += _measure("", path).size_bytes
        remove_tree(path)
    return freed


def repair_all(session: Session) -> list[Damage]:
    """Read every result in the store and remove the damaged ones, which are told."""
    damaged = verify(session.store)
    for one in damaged:
        session.store.discard(one.key)
    return damaged


def _parts(session: Session) -> Iterator[tuple[str, Path]]:
    caches = session.project.caches
    yield "results", session.project.store
    yield "Go builds", caches.go_build
    yield "Go modules", caches.go_modules
    yield "zig", caches.zig
    yield "Debian's archive", caches.debian
    yield "Python environments", session.project.cache / "venv"
    yield "Python's bytecode", session.project.bytecode
    yield "logs", session.project.logs


def _measure(name: str, root: Path) -> CachePart:
    files = size_bytes = 0
    for directory, _, names in os.walk(root):
        for file in names:
            size_bytes += os.lstat(os.path.join(directory, file)).st_size  # noqa: PTH118 - a hundred thousand files
            files += 1
    return CachePart(name=name, path=str(root), files=files, size_bytes=size_bytes)
