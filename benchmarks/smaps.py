"""What a process takes of memory now, by /proc/PID/smaps_rollup (proc(5))."""

from dataclasses import dataclass
from pathlib import Path

from builder.core.errors import BuilderError
from builder.core.resources import KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Bytes: all pages, with those of files (`rss`); the same with each page divided by who shares it (`pss`); its own."""

    rss: int
    pss: int
    anonymous: int


def usage_of(pid: int) -> Usage:
    """The memory of the process `pid`."""
    return read_rollup(Path(f"/proc/{pid}/smaps_rollup").read_text())


def read_rollup(text: str) -> Usage:
    """The memory that a `smaps_rollup` tells of; `BuilderError` where something is missing."""
    found = {name: rest.split() for name, _, rest in (line.partition(":") for line in text.splitlines())}

    def value(name: str) -> int:
        match found.get(name):
            case [number, "kB"] if number.isdigit():
                return int(number) * KIB
        raise BuilderError(f"smaps_rollup says nothing of {name}", details=text.splitlines())

    return Usage(rss=value("Rss"), pss=value("Pss"), anonymous=value("Anonymous"))
