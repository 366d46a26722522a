"""The file systems of an image, by programs of the tools tree that need no mount, no loop device and no root."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import UUID

from builder.core.errors import BuilderError
from builder.core.resources import MIB, format_size
from builder.image.formats import SlotCompression
from builder.image.layout import BOOT_BYTES
from builder.io.command import CommandError
from builder.io.feed import Feed
from builder.io.spawn import Runner
from builder.toolchain.tree import ToolsTree

# FAT32 begins at 65525 clusters (Microsoft's specification, section 3.5); with one sector each, 128 MiB have four times that.
_CLUSTER_SECTORS = 1
_JOURNAL_MIB = 32
# A quarter of the machine's memory otherwise.
_CACHE = "512M"
# gzip's level 9 takes three times as long as 7, and saves half a percent.
_COMPRESSION = {SlotCompression.GZIP: ("-Xcompression-level", "7"), SlotCompression.XZ: ()}
_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = 4096
# `  Free blocks: 4633-32767, 32770`, with the two spaces of what is said of a group.
_FREE_BLOCKS = re.compile(r"^ +Free blocks: (.*)$", re.MULTILINE)
_FREE_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesystemMaker:
    """Makes file systems dated `epoch_s` with the tools `filesystem`."""

    tools: ToolsTree
    runner: Runner
    epoch_s: int

    def boot(self, files: Mapping[str, Path], target: Path, *, volume_id: int) -> None:
        """Write a FAT of 128 MiB with `files` (by path) to `target`, without the zeros that end it."""
        with target.open("xb") as stream:
            stream.truncate(BOOT_BYTES)
        options = ("-F", "32", "-s", f"{_CLUSTER_SECTORS}", "-n", "BOOT", "-i", f"{volume_id:08x}")
        self._run("mkfs.vfat", "--invariant", *options, target)
        for directory in sorted({str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."}):
            self._run("mmd", "-i", target, f"::{directory}")
        for path, source in sorted(files.items()):
            try:
                self._run("mcopy", "-i", target, source, f"::{path}")
            except CommandError as error:
                taken = sum(source.stat().st_size for source in files.values())
                raise BuilderError(
                    f"{path} cannot be written to the boot partition of {format_size(BOOT_BYTES)}",
                    details=[*error.failure.last_lines, f"its files take {format_size(taken)} together"],
                ) from None
        _cut_zeros(target)

    def data(self, target: Path, *, size_bytes: int, uuid: UUID) -> Sequence[tuple[int, int]]:
        """Write an empty ext4 of `size_bytes` to `target`; start and end, in bytes, of what of it counts.

        That is all that is in use, zeros too: a card may hold anything before, and what is in a journal is believed.
        """
        journal = min(_JOURNAL_MIB, size_bytes // (4 * MIB))
        # Inodes as for a disk of many gigabytes, which it grows to.
        features = ("-b", f"{_BLOCK_BYTES}", "-i", "16384", "-J", f"size={journal}", "-m", "1", "-L", "data")
        extended = f"hash_seed={uuid},lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0"
        options = ("-q", "-t", "ext4", "-U", str(uuid), *features, "-E", extended)
        self._run("mke2fs", *options, target, f"{size_bytes // 1024}k")
        told = self.runner.capture(self.tools.command("dumpe2fs", target, env=self._environment))
        return _used(told, size_bytes)

    def system(self, archive: Feed, target: Path, *, compression: SlotCompression, processors: int) -> None:
        """Write the root file system in the tar archive that `archive` writes to the squashfs `target`."""
        # The archive's entry for the root itself is not looked at.
        root = ("-root-mode", "0755", "-root-uid", "0", "-root-gid", "0", "-root-time", f"{self.epoch_s}")
        settings = _COMPRESSION[compression]
        options = (
            "-comp",
            compression.value,
            *settings,
            "-mem",
            _CACHE,
            "-no-progress",
            "-quiet",
            "-processors",
            f"{processors}",
        )
        self.runner.run(self.tools.command("sqfstar", *options, *root, target, env=self._environment), feed=archive)

    @property
    def _environment(self) -> Mapping[str, str]:
        # mtools takes local time.
        return {"SOURCE_DATE_EPOCH": str(self.epoch_s), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}

    def _run(self, name: str, *arguments: str | Path) -> None:
        self.runner.run(self.tools.command(name, *arguments, env=self._environment))


def _used(told: str, size_bytes: int) -> Sequence[tuple[int, int]]:
    """What is not free, by the words of dumpe2fs; each group has a line of ranges of free blocks."""
    used, position = [], 0
    for first, last in _FREE_RANGE.findall(" ".join(_FREE_BLOCKS.findall(told))):
        start, end = int(first) * _BLOCK_BYTES, (int(last or first) + 1) * _BLOCK_BYTES
        if position < start:
            used.append((position, start))
        position = end
    return [*used, (position, size_bytes)] if position < size_bytes else used


def _cut_zeros(path: Path) -> None:
    """Cut `path` behind its last block that is not zero."""
    with path.open("r+b") as stream:
        position = stream.seek(0, os.SEEK_END)
        while position:
            start = max(0, position - _CHUNK_BYTES)
            stream.seek(start)
            if content := stream.read(position - start).rstrip(b"\0"):
                end = start + len(content)
                stream.truncate(-(-end // _BLOCK_BYTES) * _BLOCK_BYTES)
                return
            position = start
