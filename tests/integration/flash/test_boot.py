"""A device that was flashed starts."""

import subprocess
from pathlib import Path

from builder.core.digest import Digest
from builder.formats.blockmap import BLOCK_BYTES, MappedRange, block_map
from tests.integration.flash.loops import ROOT, card, environment, flash_command, loop, run
from tests.integration.vm.guests import HALT, OFF, say, write_guest
from tests.integration.vm.test_run import BUILDER, PC


def test_what_was_flashed_starts_in_an_emulated_machine(tmp_path: Path) -> None:
    image = write_guest(tmp_path / "guest.img", say("flashed\r\n") + OFF + HALT)
    first = MappedRange(first=0, last=0, sha256=Digest.of_bytes(image.read_bytes()[:BLOCK_BYTES]).hex)
    image.with_name("guest.img.bmap").write_text(block_map(image.stat().st_size, [first]))
    file = card(tmp_path / "card.img")
    with loop(file) as device:
        done = run(flash_command(image, device, file), tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    # QEMU and its tree of tools are those of everybody's cache.
    environment_there = {name: text for name, text in environment(tmp_path).items() if name != "BUILDER_CACHE"}
    started = subprocess.run(
        [*BUILDER, str(file), *PC], cwd=ROOT, env=environment_there, capture_output=True, text=True, check=False
    )
    assert (started.returncode, started.stdout) == (0, "flashed\n"), started.stderr
