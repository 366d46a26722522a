"""Looks for paths of the machine that built an executable: they differ elsewhere, and tell about who built it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_CHUNK_BYTES = 4 << 20
# A path of one component, such as /root or /tmp, stands in many texts of upstream's own (/rootfs).
_LEAST_COMPONENTS = 3  # the root counts
_SHOWN_BYTES = 100
_MOST_SHOWN = 5
_PATH = re.compile(rb"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPath:
    """Where a path stands in a file, and as much of it as can be read there."""

    offset: int
    text: str


def searchable(paths: Iterable[Path]) -> tuple[str, ...]:
    """Those of `paths` that can be looked for, as absolute texts; those of fewer than two components mean nothing."""
    texts = {str(PurePosixPath(path)) for path in paths if path.is_absolute() and len(path.parts) >= _LEAST_COMPONENTS}
    return tuple(sorted(text for text in texts if not any(text.startswith(f"{other}/") for other in texts)))


def find_host_paths(path: Path, prefixes: tuple[str, ...], *, end: int) -> tuple[HostPath, ...]:
    """The first few places before byte `end` of the file where one of `prefixes` (see `searchable`) stands."""
    if not prefixes:
        return ()
    found: list[HostPath] = []
    for hit in _hits(path, tuple(prefix.encode() for prefix in prefixes), end):
        if len(found) == _MOST_SHOWN:
            break
        found.append(hit)
    return tuple(found)


def _hits(path: Path, prefixes: tuple[bytes, ...], end: int) -> Iterator[HostPath]:
    pattern = re.compile(b"|".join(map(re.escape, prefixes)))
    # What may begin at the end of a chunk is looked at with the next one.
    overlap = max(map(len, prefixes)) + _SHOWN_BYTES
    start, kept = 0, b""
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(min(_CHUNK_BYTES, end - start - len(kept))):
            data = kept + chunk
            last = start + len(data) >= end
            settled = len(data) if last else len(data) - overlap
            for match in pattern.finditer(data):
                if match.start() < settled:
                    yield HostPath(offset=start + match.start(), text=_shown(data, match.start()))
            kept = b"" if last else data[max(settled, 0) :]
            start += len(data) - len(kept)


def _shown(data: bytes, start: int) -> str:
    match = _PATH.match(data, start, start + _SHOWN_BYTES)
    return match.group().decode(errors="replace") if match else ""
