"""The guide to flashing, word for word, with a loop device for the card."""

import lzma
import subprocess
from pathlib import Path

from tests.integration.docs.commands import blocks
from tests.integration.flash.loops import ROOT, card, environment, flash_command, loop, run
from tests.integration.flash.test_flash import OURS

FLASHING = "docs/guides/flashing.md"
_DEVICE, _IMAGE, _PACKED = "/dev/sdb", "out/edge/armv7/image/bananapi-m2-ultra", "my.img.xz"


def lines() -> list[list[str]]:
    return [block.splitlines() for block in blocks(FLASHING)]


def test_the_builder(image: Path, tmp_path: Path) -> None:
    (listing, flashing), _, _ = lines()
    file = card(tmp_path / "card")
    with loop(file) as device:
        assert listing.split() == ["builder", "devices"]
        assert str(device) in run([*OURS, "devices"], tmp_path / "cache").stdout
        assert flashing.split() == ["builder", "flash", _IMAGE, _DEVICE]
        assert run(flash_command(image.parent, device, file), tmp_path / "cache").returncode == 0
    assert file.read_bytes()[: image.stat().st_size] == image.read_bytes()


def test_without_the_builder(image: Path, tmp_path: Path) -> None:
    _, _, commands = lines()
    packed = tmp_path / "x.img.xz"
    packed.write_bytes(lzma.compress(image.read_bytes(), preset=0))
    file, said = card(tmp_path / "card"), []
    with loop(file) as device:
        for line in commands:
            text = line.replace("sudo ", "").replace(_DEVICE, str(device)).replace(_PACKED, str(packed))
            done = subprocess.run(
                ["/bin/sh", "-ec", text],
                check=True,
                capture_output=True,
                text=True,
                env=environment(tmp_path),
                cwd=ROOT,
            )
            said.append(done.stdout)
    assert file.read_bytes()[: image.stat().st_size] == image.read_bytes()
    assert said[1] == said[2]
    assert len(said[1]) > 64
