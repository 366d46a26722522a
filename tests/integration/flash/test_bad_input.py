"""Images and devices that cannot be: each refusal says what, and nothing is written."""

from pathlib import Path

import pytest
import zstandard

from builder.core.errors import ExitCode
from tests.integration.flash.loops import MIB, card, flash_command, loop, make_image, run
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


def test_a_compressed_image_that_was_cut_off(image: Path, tmp_path: Path) -> None:
    packed = image.with_name("y.img.zst")
    packed.write_bytes(zstandard.compress(image.read_bytes())[:-100])
    assert "is damaged: it ends too early" in refused(packed, tmp_path)


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
