"""File systems of images, read by others' programs."""

from pathlib import Path
from uuid import UUID

import pytest

from builder.core.errors import BuilderError
from builder.core.resources import MIB
from builder.image.filesystems import FilesystemMaker
from builder.image.formats import SlotCompression
from builder.image.layout import BOOT_BYTES
from builder.image.slot import SlotArchive
from tests.unit.image.archives import write_archive

DISK = UUID("12345678-1234-5678-1234-567812345678")


def test_a_boot_partition_is_sound_and_the_same_twice(maker: FilesystemMaker, tmp_path: Path) -> None:
    (tmp_path / "grub.cfg").write_text("echo\n")
    (tmp_path / "big").write_bytes(bytes(range(256)) * 4096)
    files = {"grub/grub.cfg": tmp_path / "grub.cfg", "EFI/BOOT/BOOTARM.EFI": tmp_path / "big"}
    for name in ("one", "two"):
        maker.boot(files, tmp_path / name, volume_id=0x1234ABCD)
    one = (tmp_path / "one").read_bytes()
    assert one == (tmp_path / "two").read_bytes()
    assert len(one) < 4 * MIB
    with (tmp_path / "one").open("r+b") as stream:
        stream.truncate(BOOT_BYTES)
    tools, runner = maker.tools, maker.runner
    runner.run(tools.command("fsck.vfat", "-n", tmp_path / "one"))
    said = runner.capture(tools.command("mtype", "-i", tmp_path / "one", "::grub/grub.cfg"))
    assert said == "echo\n"


def test_files_that_do_not_fit_the_boot_partition_are_told(maker: FilesystemMaker, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("xb") as stream:
        stream.truncate(BOOT_BYTES)
    with pytest.raises(BuilderError, match=r"kernel\.img cannot be written to the boot partition of 128\.0 MiB"):
        maker.boot({"kernel.img": tmp_path / "huge"}, tmp_path / "boot", volume_id=1)


def test_a_data_partition_is_sound_the_same_twice_and_may_grow(maker: FilesystemMaker, tmp_path: Path) -> None:
    for name in ("one", "two"):
        maker.data(tmp_path / name, size_bytes=128 * MIB, uuid=DISK)
    one = tmp_path / "one"
    assert one.stat().st_size == 128 * MIB
    assert one.read_bytes() == (tmp_path / "two").read_bytes()
    maker.runner.run(maker.tools.command("e2fsck", "-fn", one))
    with one.open("r+b") as stream:
        stream.truncate(64 << 30)
    maker.runner.run(maker.tools.command("resize2fs", one))
    maker.runner.run(maker.tools.command("e2fsck", "-fn", one))


@pytest.mark.parametrize("size_bytes", [16 * MIB, 128 * MIB, 400 * MIB])
def test_what_of_a_data_partition_does_not_count_may_hold_anything(
    maker: FilesystemMaker, size_bytes: int, tmp_path: Path
) -> None:
    made, card = tmp_path / "made", tmp_path / "card"
    used = maker.data(made, size_bytes=size_bytes, uuid=DISK)
    assert sum(end - start for start, end in used) < size_bytes // 2
    card.write_bytes(b"\xa5" * size_bytes)
    with made.open("rb") as source, card.open("r+b") as target:
        for start, end in used:
            source.seek(start)
            target.seek(start)
            target.write(source.read(end - start))
    maker.runner.run(maker.tools.command("e2fsck", "-fn", card))
    # An old journal would be believed.
    journal = tmp_path / "journal"
    for image in (made, card):
        maker.runner.run(maker.tools.command("debugfs", "-R", f"dump <8> {journal}.{image.name}", image))
    written = Path(f"{journal}.card").read_bytes()
    assert written == Path(f"{journal}.made").read_bytes()
    assert len(written) == min(32 * MIB, size_bytes // 4)
    assert not written[4096:].strip(b"\0")


@pytest.mark.parametrize("compression", SlotCompression)
def test_a_slot_is_the_same_with_any_number_of_processors(
    compression: SlotCompression,
    maker: FilesystemMaker,
    tmp_path: Path,
) -> None:
    archive = SlotArchive.of(write_archive(tmp_path / "rootfs.tar"), {}, required=[], epoch_s=0)
    for processors in (1, 2):
        maker.system(archive.write, tmp_path / f"slot-{processors}", compression=compression, processors=processors)
    assert (tmp_path / "slot-1").read_bytes() == (tmp_path / "slot-2").read_bytes()
    listed = maker.runner.capture(maker.tools.command("unsquashfs", "-lln", tmp_path / "slot-1"))
    lines = {line.split()[-1]: line.split()[:2] for line in listed.splitlines()}
    assert lines["squashfs-root"] == ["drwxr-xr-x", "0/0"]
    assert lines["squashfs-root/boot"] == ["drwx------", "0/0"]
    assert lines["squashfs-root/boot/vmlinuz-6.1"] == ["-rw-r--r--", "0/0"]
