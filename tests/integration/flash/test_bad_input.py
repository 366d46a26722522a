"""Images and devices that cannot be: each refusal says what, and nothing is written."""

import lzma
import subprocess
from pathlib import Path

import pytest
import zstandard

from builder.core.errors import ExitCode
from tests.integration.flash.loops import MIB, ROOT, card, environment, flash_command, loop, make_image, run, tool
from tests.integration.flash.manifests import describe
from tests.integration.flash.test_flash import OURS


def refused(image: Path, tmp_path: Path, *more: str, size: int = 64 * MIB) -> str:
    """What is said; the device must be as it was."""
    file = card(tmp_path / "card", size)
    with loop(file) as device:
        done = run(flash_command(image, device, file, *more), tmp_path / "cache")
    assert done.returncode not in (0, ExitCode.INTERRUPTED)
    assert "unexpected" not in done.stderr
    assert file.read_bytes() == b"\xa5" * size
    return done.stderr


def test_a_device_that_is_too_small(image: Path, tmp_path: Path) -> None:
    assert f"{20 * MIB} bytes, and the image has {40 * MIB}" in refused(image, tmp_path, size=20 * MIB)


@pytest.mark.parametrize("mapped", [True, False])
def test_a_compressed_image_that_was_cut_off(mapped: bool, image: Path, tmp_path: Path) -> None:
    packed = image.with_name("y.img.zst")
    packed.write_bytes(zstandard.compress(image.read_bytes())[:-100])
    if mapped:
        image.with_name("x.img.bmap").rename(image.with_name("y.img.bmap"))
    assert "is damaged: it ends too early" in refused(packed, tmp_path)


def test_an_xz_that_was_cut_off_or_altered(image: Path, tmp_path: Path) -> None:
    whole, packed = lzma.compress(image.read_bytes(), preset=0), image.with_name("y.img.xz")
    packed.write_bytes(whole[:-100])
    assert "is damaged: " in refused(packed, tmp_path)
    middle = len(whole) // 2
    packed.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert "is damaged: " in refused(packed, tmp_path)


def test_an_image_that_is_another_than_its_manifest_says(image: Path, tmp_path: Path) -> None:
    packed = image.with_name("x.img.zst")
    packed.write_bytes(zstandard.compress(image.read_bytes(), 1))
    describe(packed)
    packed.write_bytes(zstandard.compress(image.read_bytes(), 2))
    assert "its manifest says another digest" in refused(packed, tmp_path)


def test_an_image_for_another_board(image: Path, tmp_path: Path) -> None:
    assert f"nothing says which board {image} is for" in refused(image, tmp_path, "--board", "rock64")
    describe(image)
    said = refused(image, tmp_path, "--board", "rock64")
    assert f"{image} is for the board {tmp_path.name}, not for rock64" in said


def test_a_block_map_of_another_image(image: Path, tmp_path: Path) -> None:
    image.write_bytes(image.read_bytes()[: 39 * MIB])
    assert "does not fit" in refused(image, tmp_path)


def test_a_block_map_that_was_altered(image: Path, tmp_path: Path) -> None:
    path = image.with_name(f"{image.name}.bmap")
    path.write_text(path.read_text().replace("2048-4600", "2048-4599"))
    assert "it was altered: its own digest" in refused(image, tmp_path)


def test_serial_numbers_of_other_devices(image: Path, tmp_path: Path) -> None:
    file = card(tmp_path / "card")
    with loop(file) as device:
        done = run(flash_command(image, device, "another"), tmp_path / "cache")
    assert done.returncode == ExitCode.USAGE
    assert f"{device}: {file}, not 'another'" in done.stderr
    assert file.read_bytes() == b"\xa5" * 64 * MIB


def test_nobody_is_there_to_confirm(image: Path, tmp_path: Path) -> None:
    file = card(tmp_path / "card")
    with loop(file) as device:
        argv = [*OURS, "flash", str(image), str(device), "--even-if", f"{device.name}:not-removable"]
        unasked = run([*argv, "--yes"], tmp_path / "cache")
        silent = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=environment(tmp_path),
            cwd=ROOT,
        )
        fixed = run([*OURS, "flash", str(image), str(device), "--yes", "--serial", str(file)], tmp_path / "cache")
    assert [done.returncode for done in (unasked, silent, fixed)] == [ExitCode.USAGE] * 3
    assert "--yes without --serial" in unasked.stderr
    assert "nobody is here to confirm it" in silent.stderr
    assert f"if it shall be, add --even-if {device.name}:not-removable" in fixed.stderr
    assert file.read_bytes() == b"\xa5" * 64 * MIB


def test_a_partition_and_the_disk_of_one_that_is_mounted(image: Path, tmp_path: Path) -> None:
    file, point = card(tmp_path / "card", stale=False), tmp_path / "mounted"
    point.mkdir()
    with loop(file, "--partscan") as device:
        # Not by a table: some kernels read none.
        tool("addpart", device, "1", str(MIB // 512), str(31 * MIB // 512))
        part = Path(f"{device}p1")
        tool("mkfs.ext4", "-q", part)
        tool("mount", part, point)
        try:
            disk = run(flash_command(image, device, file), tmp_path / "cache")
            partition = run(flash_command(image, part, file), tmp_path / "cache")
        finally:
            tool("umount", point)
        tool("e2fsck", "-fn", part)
    assert (disk.returncode, partition.returncode) == (ExitCode.USAGE, ExitCode.USAGE)
    assert f"it is in use: {point}" in disk.stderr
    assert f"{part} is a partition; images are for whole devices" in partition.stderr
    assert f"this one's is {device}" in partition.stderr


@pytest.mark.parametrize("kind", ["link", "file", "nothing", "null"])
def test_what_is_no_device(kind: str, image: Path, tmp_path: Path) -> None:
    file = card(tmp_path / "card")
    place = {"link": tmp_path / "link", "file": file, "nothing": tmp_path / "none", "null": Path("/dev/null")}
    words = {
        "link": "is a symbolic link",
        "file": "is a file, not a device",
        "nothing": "there is no",
        "null": "no block",
    }
    (tmp_path / "link").symlink_to(file)
    done = run([*OURS, "flash", str(image), str(place[kind]), "--yes", "--serial", "x"], tmp_path / "cache")
    assert done.returncode == ExitCode.USAGE
    assert words[kind] in done.stderr
    if kind in {"nothing", "null"}:
        assert "'builder devices' lists what is there" in done.stderr


def test_files_when_they_are_asked_for(image: Path, tmp_path: Path) -> None:
    file = card(tmp_path / "card")
    done = run([*OURS, "flash", str(image), str(file), "--to-file", "--yes", "--serial", str(file)], tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert file.read_bytes()[: 40 * MIB] == image.read_bytes()


def test_an_image_that_its_map_was_not_made_for(image: Path, tmp_path: Path) -> None:
    """It is found while it is written: what was written until then is told to be incomplete by the failure."""
    other = tmp_path / "other.img"
    make_image(other, seed=2)
    other.with_name("other.img.bmap").write_text(image.with_name("x.img.bmap").read_text())
    file = card(tmp_path / "card")
    with loop(file) as device:
        done = run(flash_command(other, device, file), tmp_path / "cache")
    assert done.returncode == ExitCode.BUILD_FAILED
    assert "is not what" in done.stderr
    assert "bytes 0 to 45055 differ" in done.stderr
    assert "equal" not in done.stdout
