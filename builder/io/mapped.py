"""Files in memory: read when they are looked at, whatever their size."""

from collections.abc import Iterator, Sequence
from mmap import PROT_READ, mmap
from pathlib import Path

from builder.core.errors import BuilderError
from builder.io.files import CHUNK_BYTES


class MappedFiles:
    """Files, one after the other, as one sequence of bytes; the mappings go with the last one who looks at them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Map `paths`; `OSError` where one cannot be read, `BuilderError` where one is empty."""
        self._parts: list[tuple[int, mmap]] = []  # where each begins
        self._size_bytes = 0
        for path in paths:
            with path.open("rb") as stream:
                try:
                    part = mmap(stream.fileno(), 0, prot=PROT_READ)
                except ValueError:
                    raise BuilderError(f"{path} is empty") from None
            self._parts.append((self._size_bytes, part))
            self._size_bytes += len(part)

    def __len__(self) -> int:
        return self._size_bytes

    def __getitem__(self, where: slice) -> bytes:
        start, stop, _ = where.indices(self._size_bytes)
        return b"".join(part[first:last] for part, first, last in self._within(start, stop))

    def chunks(self, start: int, stop: int) -> Iterator[memoryview]:
        """The bytes from `start` to `stop`, piece by piece, without a copy."""
        for part, first, last in self._within(start, stop):
            with memoryview(part) as whole:
                for offset in range(first, last, CHUNK_BYTES):
                    with whole[offset : min(offset + CHUNK_BYTES, last)] as piece:
                        yield piece

    def _within(self, start: int, stop: int) -> Iterator[tuple[mmap, int, int]]:
        """The parts that have something of the bytes from `start` to `stop`, and from where to where in them."""
        for begin, part in self._parts:
            first, last = max(start - begin, 0), min(stop - begin, len(part))
            if first < last:
                yield part, first, last
