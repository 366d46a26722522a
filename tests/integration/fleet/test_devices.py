"""Cards as block devices, and images that are flashed by a block map after they were provisioned."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.clusters.nodes import add_nodes
from builder.app.provision.work import Provisioner
from builder.core.errors import BuilderError, RecipeError
from builder.fleet.endpoints import Endpoint
from builder.fleet.role import Role
from builder.formats.blockmap import BLOCK_BYTES, BlockMap, MappedRange, block_map
from tests.integration.flash.loops import card as blank
from tests.integration.flash.loops import flash_command, loop, run
from tests.integration.fleet.conftest import Bench
from tests.integration.trust import make_trust, now


@pytest.fixture
def work(tmp_path: Path) -> Provisioner:
    cluster, unlocking = make_trust(tmp_path, Endpoint.parse("mill.example.com"))
    add_nodes(cluster, ["field-1"], Role.WORKER, now=now())
    return Provisioner(directory=cluster, unlocking=unlocking, now=now())


@pytest.fixture(autouse=True)
def needs_loops() -> None:
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("loop devices take root and a kernel with them")


def write_map(image: Path) -> Path:
    """The map of all blocks of `image` that are not zeros."""
    content = image.read_bytes()
    ranges = list(_ranges(content))
    path = image.with_name(f"{image.name}.bmap")
    path.write_text(block_map(len(content), ranges))
    return path


def _ranges(content: bytes) -> Iterator[MappedRange]:
    used = [at for at in range(len(content) // BLOCK_BYTES) if any(content[at * BLOCK_BYTES : (at + 1) * BLOCK_BYTES])]
    while used:
        first = last = used.pop(0)
        while used and used[0] == last + 1:
            last = used.pop(0)
        data = content[first * BLOCK_BYTES : (last + 1) * BLOCK_BYTES]
        yield MappedRange(first=first, last=last, sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("sector_bytes", [512, 4096])
def test_a_card_in_a_reader(bench: Bench, work: Provisioner, sector_bytes: int) -> None:
    card = bench.card()
    with loop(card, f"--sector-size={sector_bytes}", "--direct-io=on") as device:
        work.one(device, "field-1")
        work.one(device, "field-1")
    assert bench.files(card) == ["EFI/", "credential.pem", "grub/", "node.yaml"]
    bench.check(card)


def test_a_card_that_may_not_be_written(bench: Bench, work: Provisioner) -> None:
    card = bench.card()
    before = card.read_bytes()
    with loop(card, "--read-only") as device, pytest.raises(RecipeError, match=f"{device} is not written to") as error:
        work.one(device, "field-1")
    assert "write-protect" in str(error.value)
    with loop(card) as device:
        other = os.open(device, os.O_RDONLY | os.O_EXCL)
        try:
            with pytest.raises(BuilderError, match="is in use"):
                work.one(device, "field-1")
        finally:
            os.close(other)
    assert card.read_bytes() == before
    assert not work.directory.read().nodes["field-1"].credentials


def test_a_provisioned_image_is_flashed_by_its_map(bench: Bench, work: Provisioner) -> None:
    image = bench.card()
    path = write_map(image)
    work.one(image, "field-1")
    work.one(image, "field-1")
    parsed = BlockMap.parse(path.read_bytes())
    content = image.read_bytes()
    for one in parsed.ranges:
        data = content[one.first * BLOCK_BYTES : (one.last + 1) * BLOCK_BYTES]
        assert hashlib.sha256(data).hexdigest() == one.sha256
    device_file = blank(bench.directory / "device", len(content))
    with loop(device_file) as device:
        done = run(flash_command(image, device, device_file, "--unmapped=keep"), bench.directory / "cache")
    assert done.returncode == 0, done.stderr
    assert bench.read(device_file, "node.yaml") == bench.read(image, "node.yaml")
    assert bench.read(device_file, "credential.pem") == bench.read(image, "credential.pem")


def test_a_map_that_is_none_is_told_before_anything_is_written(bench: Bench, work: Provisioner) -> None:
    image = bench.card()
    path = write_map(image)
    before = image.read_bytes()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecipeError, match=r"card\.img\.bmap cannot be kept true"):
        work.one(image, "field-1")
    assert image.read_bytes() == before
