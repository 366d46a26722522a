"""The disks that machines get, made by qemu-img."""

import json
from pathlib import Path

import pytest
import zstandard

from builder.core.errors import RecipeError
from builder.vm.images import DiskWanted, prepare_disk
from builder.vm.machine import Bench
from builder.vm.model import Bus
from builder.vm.setup import Disk, DiskFormat
from tests.integration.vm.guests import HALT, write_guest

MIB = 1 << 20


def size_of(bench: Bench, disk: Disk) -> int:
    said = bench.runner.capture(bench.tools.command("qemu-img", "info", "--output=json", disk.path))
    return int(json.loads(said)["virtual-size"])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_guest(tmp_path / "disk image.img", HALT)


def test_what_is_written_is_thrown_away(image: Path, bench: Bench) -> None:
    before = image.read_bytes()
    disk = prepare_disk(DiskWanted(image=image, bus=Bus.VIRTIO, size_bytes=5 * MIB), bench)
    assert (disk.format, disk.disposable, size_of(bench, disk)) == (DiskFormat.QCOW2, True, 5 * MIB)
    bench.runner.run(bench.tools.command("qemu-io", "-f", "qcow2", disk.path, "-c", "write -P 1 0 512"))
    assert image.read_bytes() == before


def test_cards_have_a_power_of_two(image: Path, bench: Bench) -> None:
    disk = prepare_disk(DiskWanted(image=image, bus=Bus.SD, size_bytes=3 * MIB), bench)
    assert size_of(bench, disk) == 4 * MIB


def test_compressed_images_are_unpacked_beside_the_machine(image: Path, bench: Bench) -> None:
    packed = image.with_suffix(".img.zst")
    packed.write_bytes(zstandard.compress(image.read_bytes()))
    disk = prepare_disk(DiskWanted(image=packed, bus=Bus.VIRTIO), bench)
    assert (bench.directory / "disk.img").read_bytes() == image.read_bytes()
    assert size_of(bench, disk) == image.stat().st_size
    with pytest.raises(RecipeError, match="is compressed: nothing can be kept in it"):
        prepare_disk(DiskWanted(image=packed, bus=Bus.VIRTIO, keep=True), bench)


def test_an_image_is_kept_and_made_larger(image: Path, bench: Bench) -> None:
    disk = prepare_disk(DiskWanted(image=image, bus=Bus.VIRTIO, keep=True, size_bytes=3 * MIB), bench)
    assert disk == Disk(path=image, format=DiskFormat.RAW)
    assert image.stat().st_size == 3 * MIB
    with pytest.raises(RecipeError, match=r"takes cards whose size is a power of two, and .* has 3\.0 MiB") as caught:
        prepare_disk(DiskWanted(image=image, bus=Bus.SD, keep=True), bench)
    assert "--disk-size 4.0 MiB" in caught.value.hint
    with pytest.raises(RecipeError, match="cannot be made smaller"):
        prepare_disk(DiskWanted(image=image, bus=Bus.VIRTIO, size_bytes=MIB), bench)
