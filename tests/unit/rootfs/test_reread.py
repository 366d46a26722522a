"""A root file system out of its archive again."""

from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.formats.tar import TarMember, end_bytes, header_bytes
from builder.rootfs.emit import write_tar
from builder.rootfs.reread import open_image
from builder.rootfs.tree import Kind, Node
from tests.unit.rootfs.images import small_image


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    image = small_image(tmp_path)
    tree = image.tree
    tree.add("usr/bin/rbash", Node(kind=Kind.HARDLINK, target="usr/bin/bash", mode=0o755))
    tree.write("usr/bin/ping", "ping", mode=0o4755, gid=4)
    tree.add(
        "usr/bin/tool", Node(kind=Kind.FILE, mode=0o755, content=tree.content("bin/bash"), capabilities=b"\x01\x00")
    )
    tree.write("var/lib/dpkg/info/app:arm64.list", "/.\n/bin\n/bin/ping\n/gone\n")
    archive = tmp_path / "rootfs.tar"
    write_tar(tree, archive, epoch_s=image.epoch_s)
    with open_image(archive, arch=image.arch, epoch_s=image.epoch_s, bench=image.bench) as again:
        assert set(again.tree.nodes) == set(tree.nodes)
        for path, node in again.tree.nodes.items():
            old = tree.nodes[path]
            if path not in ("usr/bin/bash", "usr/bin/rbash"):
                assert (node.kind, node.mode, node.uid, node.gid, node.target, node.capabilities) == (
                    (old.kind, old.mode, old.uid, old.gid, old.target, old.capabilities)
                )
        assert again.tree.text("usr/bin/bash") == again.tree.text("usr/bin/rbash") == "shell"
        assert again.tree.nodes["usr/bin/ping"].owner == "app"
        assert again.tree.nodes["etc/passwd"].owner == ""
        assert again.accounts.ids("daemon", "sudo") == (1, 27)
        assert again.codename == "trixie"
        write_tar(again.tree, tmp_path / "again.tar", epoch_s=image.epoch_s)
    assert (tmp_path / "again.tar").read_bytes() == archive.read_bytes()


def test_devices_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "rootfs.tar"
    header = header_bytes(TarMember(name="./dev/null", type="3"))
    archive.write_bytes(header + end_bytes(len(header)))
    image = small_image(tmp_path)
    with (
        pytest.raises(BuilderError, match="dev/null is neither a file, nor a directory, nor a link"),
        open_image(archive, arch=image.arch, epoch_s=0, bench=image.bench),
    ):
        pass
