"""What block devices are used for: mounts (/proc/self/mountinfo) and swap (/proc/swaps), proc(5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from builder.io.space import unescape

# Mount points of a running system; what is mounted elsewhere is data.
_SYSTEM = frozenset({"/", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/usr", "/var", "/home", "/etc"})
SWAP = "swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Mount points, or `swap`, by the device's number (`8:1`) and by its name in /dev.

    File systems of several devices (btrfs) have a number that is none of theirs: the name finds the one they were mounted by.
    """

    by_number: Mapping[str, Sequence[str]]
    by_name: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, root: Path) -> Self:
        """What is in use at this moment, by the files below `root`."""
        by_number: dict[str, list[str]] = {}
        by_name: dict[str, list[str]] = {}
        for line in _lines(root / "proc/self/mountinfo"):
            head, _, tail = line.partition(" - ")
            fields = head.split()
            point, source = unescape(fields[4]), unescape(tail.split()[1])
            by_number.setdefault(fields[2], []).append(point)
            if source.startswith("/dev/"):
                by_name.setdefault(source.removeprefix("/dev/"), []).append(point)
        for line in _lines(root / "proc/swaps")[1:]:
            by_name.setdefault(unescape(line.split()[0]).removeprefix("/dev/"), []).append(SWAP)
        return cls(by_number=by_number, by_name=by_name)

    def uses(self, place: Path) -> list[str]:
        """What the device or partition that sysfs has at `place` is used for itself, each use once."""
        number = _lines(place / "dev")
        names = [place.name.replace("!", "/"), *(f"mapper/{name}" for name in _lines(place / "dm/name"))]
        found = [use for one in number for use in self.by_number.get(one, ())]
        found += [use for name in names for use in self.by_name.get(name, ())]
        return list(dict.fromkeys(found))

    def is_system(self, place: Path) -> bool:
        """Whether a part of the running system or swap is right on it."""
        return any(use in _SYSTEM or use == SWAP for use in self.uses(place))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
