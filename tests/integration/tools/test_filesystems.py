"""File systems and partition tables: the same bytes twice, with what went in."""

import hashlib
import io
import json
import tarfile
import time
from pathlib import Path

import pytest

from builder.toolchain.tree import ToolsTree
from tests.integration.tools.bench import Workbench
from tests.integration.tools.conftest import Tools

UUID = "6f1b7d1e-5d0b-4d3e-9a54-0b7f4fd1c0de"
EPOCH_S = 1_700_000_000
# FAT keeps times in steps of two seconds.
NEXT_TIME_S = 2.1


@pytest.fixture(scope="session")
def filesystem(tools: Tools) -> ToolsTree:
    return tools("filesystem")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_archive(path: Path) -> None:
    """A root file system in a tar archive, with owners that nobody here is."""
    members = [("./", 0o755, 0, b""), ("./home", 0o700, 1000, b""), ("./home/tool", 0o4755, 1000, b"x" * 5000)]
    with tarfile.open(path, "w") as archive:
        for name, mode, owner, content in members:
            member = tarfile.TarInfo(name)
            member.mode, member.uid, member.gid, member.mtime = mode, owner, owner, EPOCH_S
            member.type, member.size = (tarfile.REGTYPE if content else tarfile.DIRTYPE), len(content)
            archive.addfile(member, io.BytesIO(content) if content else None)


def test_ext4_out_of_an_archive(filesystem: ToolsTree, bench: Workbench) -> None:
    write_archive(bench.place / "root.tar")
    options = ("-q", "-t", "ext4", "-U", UUID, "-E", f"hash_seed={UUID},lazy_itable_init=0,root_owner=0:0")
    bench.run(filesystem, "mke2fs", *options, "-d", "root.tar", "one.ext4", "32M")
    time.sleep(1.1)
    bench.run(filesystem, "mke2fs", *options, "-d", "root.tar", "two.ext4", "32M")
    assert digest(bench.place / "one.ext4") == digest(bench.place / "two.ext4")
    bench.run(filesystem, "e2fsck", "-f", "-n", "one.ext4")
    told = bench.said(filesystem, "debugfs", "-R", "stat /home/tool", "one.ext4").split()
    assert told[told.index("Mode:") + 1] == "04755"
    assert told[told.index("User:") + 1] == "1000"
    assert told[told.index("Size:") + 1] == "5000"
    bench.run(filesystem, "debugfs", "-R", "dump /home/tool tool", "one.ext4")
    assert (bench.place / "tool").read_bytes() == b"x" * 5000


def test_archives_are_read_with_no_library_of_this_machine(filesystem: ToolsTree, bench: Workbench) -> None:
    write_archive(bench.place / "root.tar")
    loaded = bench.libraries(filesystem, "mke2fs", "-q", "-t", "ext4", "-d", "root.tar", "one.ext4", "32M")
    assert "libarchive.so.13" in {path.name for path in loaded}
    assert all(path.is_relative_to(filesystem.root) for path in loaded)


def test_squashfs(filesystem: ToolsTree, bench: Workbench) -> None:
    (bench.place / "root/etc").mkdir(parents=True)
    (bench.place / "root/etc/motd").write_text("hello\n")
    for name in ("one.squashfs", "two.squashfs"):
        options = ("-all-root", "-noappend", "-quiet", "-no-progress", "-comp", "zstd")
        bench.run(filesystem, "mksquashfs", "root", name, *options)
        time.sleep(1.1)
    assert digest(bench.place / "one.squashfs") == digest(bench.place / "two.squashfs")
    assert bench.said(filesystem, "unsquashfs", "-cat", "one.squashfs", "etc/motd") == "hello\n"


def test_fat_with_names_beyond_ascii(filesystem: ToolsTree, bench: Workbench) -> None:
    (bench.place / "file").write_text("hello\n")
    for name in ("one.fat", "two.fat"):
        bench.empty(name, 8 << 20)
        bench.run(filesystem, "mkfs.vfat", "--invariant", "-n", "BOOT", "-i", "cafe0001", name)
        bench.run(filesystem, "mmd", "-i", name, "::/EFI")
        bench.run(filesystem, "mcopy", "-i", name, "-m", "file", "::/EFI/Grüße.txt")
        time.sleep(NEXT_TIME_S)
    assert digest(bench.place / "one.fat") == digest(bench.place / "two.fat")
    told = bench.said(filesystem, "mdir", "-i", "one.fat", "::/EFI")
    assert "CAFE-0001" in told
    assert "Grüße.txt" in told
    # The short name is in the code page of FAT, which takes a converter.
    assert "GRÜßE" in told
    assert bench.said(filesystem, "mtype", "-i", "one.fat", "::/EFI/Grüße.txt") == "hello\n"


def test_partition_table(filesystem: ToolsTree, bench: Workbench) -> None:
    script = bench.place / "table"
    script.write_text(f"label: gpt\nlabel-id: {UUID}\nstart=2048, size=8192, type=U, uuid={UUID}\n")
    for name in ("one.img", "two.img"):
        bench.empty(name, 16 << 20)
        bench.run(filesystem, "sfdisk", "--quiet", name, stdin=script)
    assert digest(bench.place / "one.img") == digest(bench.place / "two.img")
    table = json.loads(bench.said(filesystem, "sfdisk", "--json", "one.img"))["partitiontable"]
    assert (table["label"], table["id"]) == ("gpt", UUID.upper())
    assert [(part["start"], part["size"]) for part in table["partitions"]] == [(2048, 8192)]
