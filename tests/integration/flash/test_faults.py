"""Devices that fail, and what is said about them: the place, and never that all is well."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.core.errors import ExitCode
from tests.integration.flash.faulty import Faults, FaultyFile, faulty_file
from tests.integration.flash.loops import IMAGE_BYTES, MIB, flash_command, loop, make_image, run, tool

SIZE = 64 * MIB
# Within the image's second range, not at the beginning of a piece.
PLACE = 2048 * 4096 + 5 * MIB + 12288


def flashed(tmp_path: Path, faults: Faults, *more: str) -> tuple[int, str, FaultyFile]:
    image = tmp_path / "x.img"
    make_image(image)
    with faulty_file(tmp_path / "faulty", SIZE, faults) as file, loop(file.path, "--direct-io=on") as device:
        done = run(flash_command(image, device, file.path, *more), tmp_path / "cache")
    return done.returncode, done.stdout + done.stderr, file


def test_a_device_without_faults_is_flashed(tmp_path: Path) -> None:
    code, said, _ = flashed(tmp_path, Faults())
    assert code == ExitCode.OK, said
    assert "read back and equal" in said


@pytest.mark.parametrize(
    ("faults", "code", "words"),
    [
        (
            Faults(fails_writing_at=PLACE),
            ExitCode.BUILD_FAILED,
            f"failed while writing at byte {PLACE // 4096 * 4096} ",
        ),
        (
            Faults(fails_reading_at=PLACE),
            ExitCode.BUILD_FAILED,
            f"failed while reading at byte {PLACE // 4096 * 4096} ",
        ),
        (Faults(fails_flushing=True), ExitCode.BUILD_FAILED, "failed while making everything durable"),
        (Faults(vanishes_at=PLACE), ExitCode.BUILD_FAILED, "while writing at byte"),
        (Faults(corrupts_at=PLACE), ExitCode.VERIFICATION_FAILED, "does not hold what was written"),
        (Faults(ends_at=PLACE), ExitCode.VERIFICATION_FAILED, "does not hold what was written"),
        (Faults(corrupts_at=IMAGE_BYTES - 1), ExitCode.VERIFICATION_FAILED, "does not hold what was written"),
    ],
    ids=["write", "read", "flush", "vanish", "corrupt", "fake-size", "corrupt-last-byte"],
)
def test_every_fault_is_told_with_its_place(faults: Faults, code: ExitCode, words: str, tmp_path: Path) -> None:
    found, said, _ = flashed(tmp_path, faults)
    assert found == code, said
    assert words in said
    assert "equal" not in said
    if faults.corrupts_at >= 0:
        first, last = (int(word) for word in said.split("bytes ")[1].split(" differ")[0].split(" to "))
        assert first <= faults.corrupts_at <= last


def test_a_device_that_cannot_discard_is_told_and_flashed(tmp_path: Path) -> None:
    code, said, _ = flashed(tmp_path, Faults(discards=False))
    assert code == ExitCode.OK
    assert "cannot discard" in said


def test_a_slow_device_is_waited_for(tmp_path: Path) -> None:
    code, said, _ = flashed(tmp_path, Faults(bytes_per_s=40 * MIB))
    assert code == ExitCode.OK, said


@pytest.mark.parametrize("change", ["shrink", "pull"])
def test_a_device_that_changes_while_it_is_written(change: str, tmp_path: Path) -> None:
    """The medium becomes smaller, or its connection ends, in the middle of a write."""
    image = tmp_path / "x.img"
    make_image(image)
    faults = Faults(bytes_per_s=200 * MIB)
    with faulty_file(tmp_path / "faulty", SIZE, faults) as file, loop(file.path, "--direct-io=on") as device:

        def shrink(offset: int) -> None:
            if offset > PLACE:
                faults.on_write = lambda _: None
                file.resize(10 * MIB)
                # Not here: the driver waits until this write is answered.
                threading.Thread(target=tool, args=("losetup", "--set-capacity", device)).start()

        def pull(offset: int) -> None:
            if offset > PLACE:
                faults.is_gone = True

        changes: dict[str, Callable[[int], None]] = {"shrink": shrink, "pull": pull}
        faults.on_write = changes[change]
        done = run(flash_command(image, device, file.path), tmp_path / "cache")
    assert done.returncode == ExitCode.BUILD_FAILED
    assert {"shrink": "became smaller while", "pull": "while writing at byte"}[change] in done.stderr
    assert "equal" not in done.stdout + done.stderr
