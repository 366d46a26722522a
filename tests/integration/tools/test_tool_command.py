"""`builder tool`, as people use it."""

import os
import subprocess
import sys
from pathlib import Path

from builder.core.errors import ExitCode

REPOSITORY = Path(__file__).resolve().parents[3]


def tool(*arguments: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-m", "builder", "tool", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_programs_of_the_trees_take_the_place_of_the_builder(tmp_path: Path) -> None:
    done = tool("mke2fs", "-q", "-t", "ext4", "image", "8M", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "image").stat().st_size == 8 << 20
    # EXT2_SUPER_MAGIC, 0x38 bytes into the superblock at 1 KiB.
    assert (tmp_path / "image").read_bytes()[0x438:0x43A] == b"\x53\xef"
    assert tool("mke2fs", "--no-such-option").returncode == 1


def test_an_unknown_tool_is_told_with_what_there_is() -> None:
    done = tool("no-such-tool")
    assert done.returncode == ExitCode.USAGE
    assert "there is no tool 'no-such-tool'" in done.stderr
    assert "toolchains: go, zig" in done.stderr
    assert "filesystem" in done.stderr
