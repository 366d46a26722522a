"""A flasher that was killed after it had noted how far it was."""

import subprocess
import time
from pathlib import Path

from builder.core.errors import ExitCode
from tests.integration.flash.faulty import Faults, faulty_file
from tests.integration.flash.loops import MIB, ROOT, environment, flash_command, loop, run

SIZE = 64 * MIB


def kill_when_noted(command: list[str], cache: Path) -> None:
    process = subprocess.Popen(command, env=environment(cache), stderr=subprocess.DEVNULL, cwd=ROOT)
    while not list((cache / "flash").glob("[0-9a-f]*.json")):
        assert process.poll() is None, "it ended before it noted anything"
        time.sleep(0.05)
    process.kill()
    process.wait()


def test_it_goes_on_unless_another_card_is_in_the_slot(image: Path, tmp_path: Path) -> None:
    cache, content = tmp_path / "cache", image.read_bytes()
    faults = Faults(bytes_per_s=2 * MIB)
    with faulty_file(tmp_path / "faulty", SIZE, faults) as file, loop(file.path, "--direct-io=on") as device:
        command = flash_command(image, device, file.path)
        kill_when_noted(command, cache)
        written: list[int] = []
        faults.bytes_per_s, faults.on_write = 0.0, written.append
        again = run(command, cache)
        assert again.returncode == 0, again.stderr
        assert "of it by an earlier try; read back and equal" in again.stdout
        # The partition table is in the first blocks, and those were there.
        assert 0 not in written
        assert file.content(0, len(content)) == content

        faults.bytes_per_s, faults.on_write = 2 * MIB, lambda _: None
        kill_when_noted(command, cache)
        file.forget()
        faults.bytes_per_s = 0.0
        other = run(command, cache)
        assert other.returncode == 0, other.stderr
        assert "earlier try" not in other.stdout
        assert file.content(0, len(content)) == content


def test_what_an_earlier_try_wrote_may_be_gone_when_it_is_read_back(image: Path, tmp_path: Path) -> None:
    cache, content = tmp_path / "cache", image.read_bytes()
    faults = Faults(bytes_per_s=2 * MIB)
    with faulty_file(tmp_path / "faulty", SIZE, faults) as file, loop(file.path, "--direct-io=on") as device:
        command = flash_command(image, device, file.path)
        kill_when_noted(command, cache)

        def forget(_: int) -> None:
            faults.on_write = lambda _: None
            file.forget()

        # Samples were there; now nothing is.
        faults.bytes_per_s, faults.on_write = 0.0, forget
        again = run(command, cache)
        assert again.returncode == ExitCode.VERIFICATION_FAILED, again.stderr
        assert "does not hold what was written: bytes 0 to " in again.stderr
        assert "an earlier try wrote it" in again.stderr
        whole = run(command, cache)
        assert whole.returncode == 0, whole.stderr
        assert "earlier try" not in whole.stdout
        assert file.content(0, len(content)) == content
