"""What a step needs of the machine, and what the machine has."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from builder.core.errors import RecipeError

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

_SHARED = ("cores", "memory_bytes", "connections")
_ALL = (*_SHARED, "disk_bytes")
_NOTHING: frozenset[str] = frozenset()
_UNITS = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]iB|B)")


# Downloads at once, all servers together: more gain little on a good line and annoy a mirror.
MACHINE_CONNECTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Cores, bytes of memory and connections, declared by a step or owned by a machine.

    The cores of a step are a request, as a pod's are: so many are kept for it, and it may use others while they are idle.
    A step that only waits for a server asks for none. Its memory is a limit. `connections` are those that a step keeps
    busy with downloads.
    `disk_bytes` is what a step's scratch and output are expected to take on the store's file system; it is looked at
    right before the step starts, and no part of what is shared out (`lacking`).
    """

    cores: int = 1
    memory_bytes: int = 64 * MIB
    connections: int = 0
    disk_bytes: int = 0

    def lacking(self, free: "Resources") -> frozenset[str]:
        """What `free` has too little of for this: `cores`, `memory_bytes`, `connections`; empty where this fits."""
        found = [name for name in _SHARED if getattr(self, name) > getattr(free, name)]
        return frozenset(found) if found else _NOTHING

    def takes_none_of(self, names: Collection[str]) -> bool:
        """Whether this asks for nothing of the kinds `names`."""
        return not any(getattr(self, name) for name in names)

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(**{name: getattr(self, name) + getattr(other, name) for name in _ALL})

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(**{name: getattr(self, name) - getattr(other, name) for name in _ALL})


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
