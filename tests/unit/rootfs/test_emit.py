import tarfile
from pathlib import Path

from builder.rootfs.emit import write_tar
from builder.rootfs.tree import Kind, Node, Text, Tree

EPOCH_S = 1_795_525_665


def test_a_tree_is_written_sorted_with_owners_and_no_later_time(tmp_path: Path) -> None:
    tree = Tree()
    tree.write("etc/shadow", "x", mode=0o640, gid=42)
    tree.add("usr/bin/big", Node(kind=Kind.FILE, mode=0o4755, content=Text(b"b" * 300_000), mtime_s=EPOCH_S + 5))
    tree.add("usr/bin/old", Node(kind=Kind.FILE, mode=0o755, content=Text(b"o"), mtime_s=1000))
    # The name that sorts first carries the content, whichever of them the package had as the file.
    tree.add("usr/bin/another", Node(kind=Kind.HARDLINK, target="usr/bin/big"))
    tree.link("bin", "usr/bin")
    for name in ("one.tar", "two.tar"):
        write_tar(tree, tmp_path / name, epoch_s=EPOCH_S)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        members = archive.getmembers()
        assert [one.name for one in members] == [
            ".", "./bin", "./etc", "./etc/shadow", "./usr", "./usr/bin", "./usr/bin/another", "./usr/bin/big", "./usr/bin/old",
        ]  # fmt: skip
        by_name = {one.name: one for one in members}
        assert by_name["./usr/bin/another"].isreg()
        assert by_name["./usr/bin/another"].mode == 0o4755
        assert (by_name["./usr/bin/big"].type, by_name["./usr/bin/big"].linkname) == (
            tarfile.LNKTYPE,
            "./usr/bin/another",
        )
        assert by_name["./etc/shadow"].gid == 42
        assert (by_name["./usr/bin/another"].mtime, by_name["./usr/bin/old"].mtime) == (EPOCH_S, 1000)
        stream = archive.extractfile(by_name["./usr/bin/another"])
        assert stream is not None
        assert stream.read() == b"b" * 300_000
