"""A card with a FAT partition, as images have one, and programs that judge it."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.app.session import Session
from builder.core.arch import host_arch
from builder.image.filesystems import FilesystemMaker
from builder.image.layout import BOOT_BYTES, FAT32_LBA, FIRST_PARTITION_BYTES
from builder.io.leash import Leash
from builder.io.spawn import Runner
from builder.plan.tools import tools_step
from builder.toolchain.tree import ToolsTree

EPOCH_S = 1700000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Programs that know FAT: dosfstools and mtools."""

    maker: FilesystemMaker
    directory: Path

    def card(self, name: str = "card.img") -> Path:
        """An image: partition table, boot partition, and a second one that nobody may touch."""
        (self.directory / "grub.cfg").write_text("echo\n")
        boot = self.directory / f"{name}.boot"
        files = {"grub/grub.cfg": self.directory / "grub.cfg", "EFI/BOOT/BOOTX64.EFI": self.directory / "grub.cfg"}
        self.maker.boot(files, boot, volume_id=0x1234ABCD)
        path = self.directory / name
        first, count = FIRST_PARTITION_BYTES // 512, BOOT_BYTES // 512
        table = [_entry(FAT32_LBA, first, count), _entry(0x83, first + count, 2048)]
        with path.open("wb") as stream:
            stream.write(b"".join([bytes(446), *table, bytes(32), b"\x55\xaa"]))
            stream.seek(FIRST_PARTITION_BYTES)
            stream.write(boot.read_bytes())
            stream.seek(FIRST_PARTITION_BYTES + BOOT_BYTES)
            stream.write(b"slot" * (1 << 18))
        return path

    def files(self, card: Path) -> list[str]:
        """Names in the root directory, as mtools see them."""
        return sorted(self._mtools("mdir", "-b", "-i", _at(card), "::").replace("::/", "").split())

    def read(self, card: Path, name: str) -> bytes:
        """What a file holds, as mtools read it."""
        target = self.directory / "read"
        target.unlink(missing_ok=True)
        self._mtools("mcopy", "-i", _at(card), f"::{name}", str(target))
        return target.read_bytes()

    def add(self, card: Path, name: str, content: bytes) -> None:
        """Write a file as another program does it."""
        source = self.directory / "added"
        source.write_bytes(content)
        self._mtools("mcopy", "-o", "-i", _at(card), str(source), f"::{name}")

    def mtools(self, program: str, card: Path, *arguments: str) -> str:
        """Run a program of mtools."""
        return self._mtools(program, "-i", _at(card), *arguments)

    def check(self, card: Path) -> None:
        """fsck.vfat must find nothing, and the second partition must be as it was."""
        partition = self.directory / "partition"
        with card.open("rb") as stream:
            stream.seek(FIRST_PARTITION_BYTES)
            partition.write_bytes(stream.read(BOOT_BYTES))
            assert stream.read() == b"slot" * (1 << 18)
        self.maker.runner.run(self.maker.tools.command("fsck.vfat", "-n", partition))

    def _mtools(self, program: str, *arguments: str) -> str:
        settings = {"TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
        return self.maker.runner.capture(self.maker.tools.command(program, *arguments, env=settings))


def _at(card: Path) -> str:
    return f"{card}@@{FIRST_PARTITION_BYTES}"


def _entry(kind: int, first: int, count: int) -> bytes:
    return struct.pack("<4xB3xII", kind, first, count)


@pytest.fixture(scope="module")
def tools(session: Session) -> ToolsTree:
    workspace = session.project.open("edge")
    step = tools_step(workspace.lock, host_arch(), "filesystem", workspace.loaded.recipe.debian)
    return ToolsTree(root=session.obtain(step), arch=host_arch())


@pytest.fixture
def bench(tools: ToolsTree, tmp_path: Path) -> Iterator[Bench]:
    with Leash() as leash:
        runner = Runner(log=tmp_path / "log", leash=leash)
        yield Bench(maker=FilesystemMaker(tools=tools, runner=runner, epoch_s=EPOCH_S), directory=tmp_path)
