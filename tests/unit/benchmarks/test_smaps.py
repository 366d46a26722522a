import os

import pytest

from benchmarks.smaps import Usage, read_rollup, usage_of
from builder.core.errors import BuilderError

ROLLUP = """\
00010000-bee18000 ---p 00000000 00:00 0          [rollup]
Rss:               15848 kB
Pss:               15839 kB
Pss_Anon:           3672 kB
Pss_File:          12167 kB
Anonymous:          3600 kB
LazyFree:              0 kB
"""


def test_usage() -> None:
    assert read_rollup(ROLLUP) == Usage(rss=15848 << 10, pss=15839 << 10, anonymous=3600 << 10)


@pytest.mark.parametrize("name", ["Rss", "Pss", "Anonymous"])
def test_what_is_missing_is_named(name: str) -> None:
    text = "".join(line for line in ROLLUP.splitlines(keepends=True) if not line.startswith(f"{name}:"))
    with pytest.raises(BuilderError, match=f"nothing of {name}\n"):
        read_rollup(text)


def test_this_process() -> None:
    before = usage_of(os.getpid())
    # More than malloc ever takes from memory that earlier tests gave back (M_MMAP_THRESHOLD, 32 MiB at most).
    ballast = bytearray(b"x") * (64 << 20)
    after = usage_of(os.getpid())
    assert after.anonymous - before.anonymous > 0.9 * len(ballast)
    assert after.rss >= after.pss >= after.anonymous
