"""A log that QEMU writes."""

import json
from pathlib import Path

from builder.vm.machine import Bench
from builder.vm.writelog import Flag, read_write_log

MIB = 1 << 20
LETTERS = {0: "0", 0xAA: "a", 0xBB: "b"}


def at(disk: Path, offset: int) -> str:
    return LETTERS[disk.read_bytes()[offset]]


def test_what_qemu_writes_is_read_and_replayed(bench: Bench) -> None:
    used, log = bench.directory / "used.img", bench.directory / "log"
    start = bench.directory / "start.img"
    for disk in (used, start):
        with disk.open("wb") as stream:
            stream.truncate(8 * MIB)
    log.touch()
    nodes = {
        "driver": "blklogwrites",
        "file": {"driver": "file", "filename": str(used), "discard": "unmap"},
        "log": {"driver": "file", "filename": str(log)},
        "log-sector-size": 512,
        "discard": "unmap",
    }
    said = [
        "write -P 0xaa 1M 1M",
        "flush",
        "write -P 0xbb 2M 64k",
        "write -z 1M 512",
        "flush",
        "discard 2M 64k",
        "flush",
    ]
    options = [word for one in said for word in ("-c", one)]
    bench.runner.run(bench.tools.command("qemu-io", "-t", "writeback", "json:" + json.dumps(nodes), *options))

    read = read_write_log(log)
    first, second, third = read.flush_points[:3]
    read.replay(start, 0, first)
    assert [at(start, place) for place in (1 * MIB, 2 * MIB - 1, 2 * MIB)] == ["a", "a", "0"]
    read.replay(start, first, second)
    assert [at(start, place) for place in (1 * MIB, 1 * MIB + 512, 2 * MIB)] == ["0", "a", "b"]
    read.replay(start, second, third)
    assert start.read_bytes() == used.read_bytes()
    assert any(entry.flags & Flag.DISCARD for entry in read.entries)
