"""`builder flash` on loop devices, as people and scripts use it."""

import json
import lzma
import os
import pty
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import zstandard

from builder.core.errors import ExitCode
from tests.integration.flash.loops import (
    IMAGE_BYTES,
    MIB,
    ROOT,
    card,
    environment,
    flash_command,
    holds,
    loop,
    run,
    tool,
)

OURS = (sys.executable, "-P", "-m", "builder")


@pytest.mark.parametrize("sector_bytes", [512, 4096])
@pytest.mark.parametrize("size", [IMAGE_BYTES, 64 * MIB])
def test_what_is_mapped_is_written_and_the_rest_is_empty(
    sector_bytes: int, size: int, image: Path, tmp_path: Path
) -> None:
    file = card(tmp_path / "card", size)
    with loop(file, "--sector-size", str(sector_bytes)) as device:
        done = run(flash_command(image, device, file), tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert holds(file, image.read_bytes())
    assert ("has sectors of 4096 bytes" in done.stderr) == (sector_bytes == 4096)
    assert not list((tmp_path / "cache" / "flash").iterdir())


@pytest.mark.parametrize("suffix", [".zst", ".xz"])
@pytest.mark.parametrize("mapped", [True, False])
def test_compressed_images(suffix: str, mapped: bool, image: Path, tmp_path: Path) -> None:
    content, file = image.read_bytes(), card(tmp_path / "card")
    packed = image.with_name(f"{image.name}{suffix}")
    packed.write_bytes(zstandard.compress(content) if suffix == ".zst" else lzma.compress(content, preset=0))
    with loop(file) as device:
        more = () if mapped else ("--no-block-map",)
        done = run(flash_command(packed, device, file, *more), tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert holds(file, content)
    assert ("14.9 MiB" if mapped else "40.0 MiB") in done.stdout


@pytest.mark.parametrize(("choice", "stale"), [("keep", b"\xa5"), ("zero", b"\0")])
def test_what_becomes_of_the_rest(choice: str, stale: bytes, image: Path, tmp_path: Path) -> None:
    file = card(tmp_path / "card", IMAGE_BYTES)
    with loop(file) as device:
        done = run(flash_command(image, device, file, "--unmapped", choice), tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert holds(file, image.read_bytes(), stale=stale)


def test_several_devices_at_once_and_one_that_is_in_use_by_another_program(image: Path, tmp_path: Path) -> None:
    files = [card(tmp_path / f"card{number}") for number in range(3)]
    with ExitStack() as stack:
        devices = [stack.enter_context(loop(file)) for file in files]
        command = [*OURS, "flash", str(image), *map(str, devices), "--yes"]
        for file, device in zip(files, devices, strict=True):
            command += ["--serial", str(file), "--even-if", f"{device.name}:not-removable"]
        done = run(command, tmp_path / "cache")
        held = os.open(devices[1], os.O_RDONLY | os.O_EXCL)
        refused = run(flash_command(image, devices[1], files[1]), tmp_path / "cache")
        os.close(held)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("read back and equal") == 3
    assert all(holds(file, image.read_bytes()) for file in files)
    assert refused.returncode == ExitCode.BUILD_FAILED
    assert "is in use" in refused.stderr


def test_a_device_is_refused_while_it_is_mounted_and_its_neighbour_stays_whole(image: Path, tmp_path: Path) -> None:
    used, free = card(tmp_path / "used", stale=False), card(tmp_path / "free")
    tool("mkfs.ext4", "-q", used)
    point = tmp_path / "mounted"
    point.mkdir()
    with loop(used) as neighbour, loop(free) as device:
        tool("mount", neighbour, point)
        try:
            (point / "photographs").write_text("precious")
            refused = run(flash_command(image, neighbour, used), tmp_path / "cache")
            done = run(flash_command(image, device, free), tmp_path / "cache")
            listed = json.loads(run([*OURS, "devices", "--json"], tmp_path / "cache").stdout)
            assert (point / "photographs").read_text() == "precious"
        finally:
            tool("umount", point)
        tool("e2fsck", "-fn", neighbour)
    assert refused.returncode == ExitCode.USAGE
    assert f"it is in use: {point}" in refused.stderr
    assert done.returncode == 0, done.stderr
    (found,) = (one for one in listed if one["name"] == neighbour.name)
    assert (found["serial"], found["uses"]) == (str(used), [str(point)])
    assert [one["reason"] for one in found["objections"]] == ["in-use", "not-removable"]


def test_a_second_flasher_is_refused(image: Path, tmp_path: Path) -> None:
    file = card(tmp_path / "card")
    with loop(file) as device:
        command = flash_command(image, device, file)
        held = subprocess.Popen(
            command, env=environment(tmp_path / "cache"), stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert held.stderr
        for line in held.stderr:
            if "start   flash/" in line:
                break
        os.kill(held.pid, signal.SIGSTOP)
        try:
            second = run(command, tmp_path / "other")
        finally:
            os.kill(held.pid, signal.SIGCONT)
        held.communicate()
    assert second.returncode == ExitCode.BUILD_FAILED
    assert f"written to, or looked at, by another program (process {held.pid}, python" in second.stderr
    assert held.returncode == 0
    assert holds(file, image.read_bytes())


def test_killed_at_any_moment_and_run_again(image: Path, tmp_path: Path) -> None:
    """Whatever moment it is: the next run ends well, and what a killed one left is never taken for whole."""
    moments = random.Random(5)  # noqa: S311 - of a test
    file = card(tmp_path / "card")
    with loop(file) as device:
        command = flash_command(image, device, file)
        for _ in range(4):
            process = subprocess.Popen(
                command, env=environment(tmp_path / "cache"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            )  # fmt: skip
            assert process.stderr
            for line in process.stderr:
                if "start   flash/" in line:
                    break
            time.sleep(moments.uniform(0, 0.4))
            process.kill()
            said, _ = process.communicate()
            assert "equal" not in said or holds(file, image.read_bytes())
        done = run(command, tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert holds(file, image.read_bytes())


def test_a_person_types_the_name(image: Path, tmp_path: Path) -> None:
    file = card(tmp_path / "card")
    with loop(file) as device:
        command = [*OURS, "flash", str(image), str(device), "--even-if", f"{device.name}:not-removable"]
        wrong, right = (_typed(command, name, tmp_path / "cache") for name in ("sda", device.name))
    assert wrong == (ExitCode.INTERRUPTED, "not confirmed; nothing was written")
    assert right[0] == 0
    assert holds(file, image.read_bytes())


def _typed(command: list[str], answer: str, cache: Path) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(cache),
        text=True,
        cwd=ROOT,
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    _, said = process.communicate()
    os.close(ours)
    return process.returncode, said.strip().splitlines()[-1].removeprefix("error: ").split("error: ")[-1]
