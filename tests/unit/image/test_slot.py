"""What a slot has beyond the root file system."""

import tarfile
from pathlib import Path

import pytest

from builder.core.errors import BuilderError
from builder.image.slot import SlotArchive, SlotFile
from tests.unit.image.archives import write_archive


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path / "rootfs.tar")


def test_files_and_mount_points_are_added_and_the_rest_stays(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "kedge").write_bytes(b"k" * 700)
    target = tmp_path / "slot.tar"
    files = {
        "usr/bin/kedge": SlotFile(mode=0o755, source=tmp_path / "kedge"),
        "boot/grub.cfg": SlotFile(data=b"boot\n"),
    }
    with target.open("xb") as stream:
        SlotArchive.of(archive, files, required=["boot/vmlinuz-6.1"], epoch_s=5).write(stream.fileno())
    with tarfile.open(target) as tar:
        found = {one.name: one for one in tar}
        assert list(found) == [
            ".", "./boot", "./boot/vmlinuz-6.1", "./data", "./opt", "./opt/cni", "./usr", "./usr/bin",
            "./boot/grub.cfg", "./usr/bin/kedge",
        ]  # fmt: skip
        assert found["./boot"].mode == 0o700
        assert (found["./usr/bin/kedge"].mode, found["./usr/bin/kedge"].mtime) == (0o755, 5)
        content = tar.extractfile("./usr/bin/kedge")
        assert content is not None
        assert content.read() == b"k" * 700
    assert target.stat().st_size % 10240 == 0


def test_what_the_image_brings_nobody_else_may(archive: Path) -> None:
    with pytest.raises(BuilderError) as caught:
        SlotArchive.of(archive, {"boot/vmlinuz-6.1": SlotFile()}, required=[], epoch_s=0)
    assert caught.value.details == ("/boot/vmlinuz-6.1",)


def test_a_root_file_system_without_its_kernel_is_told(archive: Path) -> None:
    with pytest.raises(BuilderError) as caught:
        SlotArchive.of(archive, {}, required=["boot/vmlinuz-6.12"], epoch_s=0)
    assert caught.value.details == ("/boot/vmlinuz-6.12",)
