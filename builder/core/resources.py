"""What a step needs of the machine, and what the machine has."""

import re
from dataclasses import dataclass

from builder.core.errors import RecipeError

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

_UNITS = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]iB|B)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Cores and bytes of memory, declared by a step or owned by a machine.

    The cores of a step are a request, as a pod's are: so many are kept for it, and it may use others while they are idle.
    Its memory is a limit.
    `disk_bytes` is what a step's scratch and output are expected to take on the store's file system; it is looked at
    right before the step starts, and no part of what is shared out (`fits_in`).
    """

    cores: int = 1
    memory_bytes: int = 64 * MIB
    disk_bytes: int = 0

    def fits_in(self, free: "Resources") -> bool:
        """Whether `free` has room for this."""
        return self.cores <= free.cores and self.memory_bytes <= free.memory_bytes

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            cores=self.cores + other.cores,
            memory_bytes=self.memory_bytes + other.memory_bytes,
            disk_bytes=self.disk_bytes + other.disk_bytes,
        )

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(
            cores=self.cores - other.cores,
            memory_bytes=self.memory_bytes - other.memory_bytes,
            disk_bytes=self.disk_bytes - other.disk_bytes,
        )


def parse_size(text: str) -> int:
    """The number of bytes that `text` (`5 GiB`, `512MiB`, `0 B`) names."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise RecipeError(
            f"{text!r} is not a size", hint="write a number and a unit: B, KiB, MiB, GiB or TiB, as in '5 GiB'"
        )
    return int(float(match[1]) * _UNITS[match[2]])


def format_size(size_bytes: int) -> str:
    """`size_bytes` for people: one decimal and the largest binary unit that fits."""
    unit = "B"
    for name, factor in _UNITS.items():
        if size_bytes >= factor:
            unit = name
    if unit == "B":
        return f"{size_bytes} B"
    return f"{size_bytes / _UNITS[unit]:.1f} {unit}"
