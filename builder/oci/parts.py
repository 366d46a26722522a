"""Bundles in parts: for file systems that hold no large files (FAT: 4 GiB less one byte)."""

import os
import re
from pathlib import Path
from typing import Self

from builder.core.errors import BuilderError
from builder.io.files import CHUNK_BYTES, write_all

# The names that `split --numeric-suffixes` gives, and that kedge reads.
_PART = re.compile(r"(.+\.tar)\.[0-9]{2}")
MOST_PARTS = 100


def part_path(bundle: Path, number: int) -> Path:
    """Where the part `number`, from 0, of `bundle` lies."""
    return bundle.with_name(f"{bundle.name}.{number:02}")


def first_file(bundle: Path) -> Path:
    """The file of `bundle`, or its first part where it was written in parts."""
    return bundle if bundle.exists() else part_path(bundle, 0)


def whole_path(path: Path) -> Path:
    """The name of the bundle that `path` is, or is a part of."""
    match = _PART.fullmatch(path.name)
    return path.with_name(match[1]) if match else path


def bundle_files(path: Path) -> list[Path]:
    """The files of the bundle that `path` is, or is any part of, in order; `BuilderError` where a part is missing."""
    bundle = whole_path(path)
    if bundle == path:
        return [path]
    found = sorted(
        one for one in path.parent.glob("*.tar.??") if _PART.fullmatch(one.name) and whole_path(one) == bundle
    )
    for number, one in enumerate(found or [path]):
        if one != part_path(bundle, number) or not found:
            raise BuilderError(
                f"{part_path(bundle, number)} is missing", hint="all parts of a bundle have to lie in one directory"
            )
    return found


class PartWriter:
    """Writes one sequence of bytes to the new file `target`, or to parts of it of at most `most_bytes` each."""

    def __init__(self, target: Path, most_bytes: int | None) -> None:
        self._target = target
        self._most_bytes = most_bytes
        self._descriptor = -1
        self._parts = 0
        self._room_bytes = 0
        self.size_bytes = 0

    def __enter__(self) -> Self:
        self._next()
        return self

    def __exit__(self, *failure: object) -> None:
        os.close(self._descriptor)
        if self._parts == 1 and self._most_bytes is not None and failure[0] is None:
            part_path(self._target, 0).rename(self._target)

    @property
    def first(self) -> Path:
        """The file that was written, or the first part."""
        return part_path(self._target, 0) if self._parts > 1 else self._target

    def put(self, data: bytes) -> None:
        """Write `data`."""
        view = memoryview(data)
        while view:
            count = self._room(len(view))
            write_all(self._descriptor, view[:count])
            self._wrote(count)
            view = view[count:]

    def put_file(self, path: Path, size_bytes: int) -> None:
        """Write the `size_bytes` of the file at `path`, which go over within the kernel."""
        with path.open("rb") as stream:
            left = size_bytes
            while left:
                count = self._room(min(left, CHUNK_BYTES << 4))
                done = os.sendfile(self._descriptor, stream.fileno(), None, count)
                if not done:
                    raise BuilderError(f"{path} ends before it should")
                self._wrote(done)
                left -= done

    def _room(self, wanted_bytes: int) -> int:
        """How many of the bytes that are `wanted` fit into the open file, of which there is always room for one."""
        if self._most_bytes is None:
            return wanted_bytes
        if not self._room_bytes:
            self._next()
        return min(wanted_bytes, self._room_bytes)

    def _wrote(self, count: int) -> None:
        self.size_bytes += count
        self._room_bytes -= count

    def _next(self) -> None:
        if self._parts == MOST_PARTS:
            raise BuilderError(
                f"{self._target.name} takes more than {MOST_PARTS} parts", hint="give bundle.part_size a larger value"
            )
        path = self._target if self._most_bytes is None else part_path(self._target, self._parts)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        if self._parts:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._room_bytes = self._most_bytes or 0
        self._parts += 1
