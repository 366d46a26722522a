"""Whether a slot keeps within its budget; where it does not, what makes it large."""

import mmap
from collections import Counter
from pathlib import Path

from builder.core.errors import VerificationError
from builder.core.resources import format_size
from builder.rootfs.compare import Archive

_INFO = "var/lib/dpkg/info/"
_MOST_SHOWN = 8


def require_within(size_bytes: int, budget_bytes: int, archive: Path) -> None:
    """Raise `VerificationError` where a slot of `size_bytes` is over its budget; `archive` is the root file system in it."""
    if size_bytes > budget_bytes:
        raise VerificationError(
            f"the slot takes {format_size(size_bytes)}, more than its budget of {format_size(budget_bytes)}",
            details=[
                f"before it is compressed, {name} has {format_size(size)}" for name, size in largest_packages(archive)
            ],
            hint="leave packages or parts of them out (rootfs.packages, rootfs.slim), or raise image.slot_budget",
        )


def largest_packages(archive: Path) -> list[tuple[str, int]]:
    """The packages that take most of a root file system, with the bytes of their files."""
    with archive.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
        system = Archive(data)
        sizes: Counter[str] = Counter()
        for path in system.members:
            if path.startswith(_INFO) and path.endswith(".list"):
                name = path.removeprefix(_INFO).removesuffix(".list").partition(":")[0]
                sizes[name] = sum(_size(system, line) for line in system.content(path).decode().splitlines())
    return sizes.most_common(_MOST_SHOWN)


def _size(system: Archive, listed: str) -> int:
    """Bytes of a file by the path that dpkg lists: some still name directories that are links into /usr."""
    path = listed.strip("/")
    member = system.members.get(path) or system.members.get(f"usr/{path}")
    return member.size_bytes if member else 0
