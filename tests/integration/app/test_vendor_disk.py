"""A file system that becomes full while a directory is filled."""

import os
import subprocess
import sys
from pathlib import Path

from builder.core.resources import MIB
from tests.integration.app.checkout import REPOSITORY
from tests.integration.app.driver import tree
from tests.integration.app.namespaces import private_mounts


def test_a_disk_that_becomes_full_leaves_what_was_there(tmp_path: Path) -> None:
    """A damaged file is to be replaced, and there is no room for both."""
    output = tmp_path / "output"
    output.mkdir()
    (output / "large").write_bytes(os.urandom(5 * MIB))
    kept = tmp_path / "small" / "kept"
    with private_mounts() as mounts:
        seen = mounts.mount(tmp_path / "small", 8 * MIB) / "kept"
        argv = [*mounts.inside(REPOSITORY), sys.executable, "-P", "-m", "tests.integration.app.filling"]

        def fill() -> subprocess.CompletedProcess[str]:
            environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
            arguments = [str(kept), str(output), "large"]
            return subprocess.run([*argv, *arguments], env=environment, capture_output=True, text=True, check=False)

        done = fill()
        assert done.returncode == 0, done.stderr
        with (seen / "place" / "large").open("r+b") as file:
            file.write(b"damage")
        before = tree(seen)
        full = fill()
        assert full.returncode == 1
        assert full.stderr == f"the file system {tmp_path}/small (tmpfs) became full while it was filled\n"
        assert tree(seen) == before
        (seen / "place" / "large").unlink()
        assert fill().returncode == 0
        assert (seen / "place" / "large").read_bytes() == (output / "large").read_bytes()
