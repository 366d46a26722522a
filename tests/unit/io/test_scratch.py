"""Directories to work in."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.io.scratch import scratch_directory

_ROOT = Path(__file__).parents[3]
_HOLDER = """
import sys, time
from pathlib import Path
from builder.io.scratch import scratch_directory
with scratch_directory(Path(sys.argv[1])) as path:
    (path / "file").touch()
    print(path, flush=True)
    time.sleep(600)
"""


def age(path: Path) -> None:
    """Let an hour have passed since `path` was last written to."""
    hour_ago_s = time.time() - 3600
    os.utime(path, (hour_ago_s, hour_ago_s))


def test_it_is_gone_after_the_block_and_after_a_failure(tmp_path: Path) -> None:
    with scratch_directory(tmp_path) as path:
        (path / "file").touch()
    with pytest.raises(ZeroDivisionError), scratch_directory(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_owner_has_left_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    argv = [sys.executable, "-P", "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(argv, env={"PYTHONPATH": str(_ROOT)}, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        age(left)
        with scratch_directory(tmp_path):
            is_kept = left.exists()
        holder.kill()
    assert is_kept
    with scratch_directory(tmp_path):
        assert not left.exists()


def test_what_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    young = tmp_path / "scratch.young"
    young.mkdir()
    with scratch_directory(tmp_path):
        assert young.exists()


def test_a_link_of_such_a_name_is_not_followed(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    (foreign / "kept").mkdir(parents=True)
    age(foreign)
    (tmp_path / "scratch.link").symlink_to(foreign)
    with scratch_directory(tmp_path):
        assert (foreign / "kept").exists()
