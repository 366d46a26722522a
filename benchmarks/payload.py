"""`python -P -m benchmarks.payload`: what unpacking the payload costs, against `zstd -d` of the same frames, and its memory."""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.document import render_text
from benchmarks.process import run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.stats import Series, interleave
from builder.core.arch import host_arch
from builder.payload.pack import FRAMES, Packing, assemble

# At most this many times `zstd -d`, as promised for the first start.
LIMIT_TIMES = 1.2
# A process with a payload may be this much larger: its index, and noise.
LIMIT_MORE_BYTES = 1 << 20
_ROUNDS = 15
_POLL_S = 0.01
_UNPACK, _SECOND = "first start: unpack", "second start: check"
_ZSTD, _SYNCED = "zstd -d", "zstd -d, then sync"
_BARE, _CARRYING = "resident memory without a payload", "resident memory with a payload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Two executables, one with a payload; the frames of that; a directory that every run finds empty."""

    bare: Path
    kedge: Path
    frames: Path
    data: Path

    def unpack(self, *, watched: bool = False, keep: bool = False) -> float:
        """Seconds, or with `watched` the peak of resident bytes."""
        if not keep:
            self._empty()
        argv = [str(self.kedge), "payload", "unpack", "--data-dir", str(self.data / "kedge")]
        done = run(argv, cwd=self.data, env=os.environ, watched=watched)
        return done.own_memory_bytes if watched else done.duration_s

    def zstd(self, *, sync: bool) -> float:
        """Seconds that the reference takes for the same frames."""
        self._empty()
        out = self.data / "out"
        argv = ["zstd", "-q", "-d", str(self.frames), "-o", str(out)]
        script = ["sh", "-c", '"$@" && sync "$0"', str(out), *argv]
        return run(script if sync else argv, cwd=self.data, env=os.environ).duration_s

    def _empty(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()

    def resident(self, executable: Path) -> float:
        """Bytes of a kedge that has read its index and waits for a lock on the data directory."""
        self._empty()
        helpers = self.data / "kedge" / "helpers"
        helpers.mkdir(parents=True)
        lock = os.open(helpers, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        argv = [str(executable), "payload", "unpack", "--data-dir", str(self.data / "kedge"), "--file", str(self.kedge)]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        try:
            time.sleep(20 * _POLL_S)  # until it waits; it does so for as long as the lock is held
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            os.close(lock)
            process.wait()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) << 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -P -m benchmarks.payload", description=__doc__)
    parser.add_argument("kedge", type=Path, help="an executable of kedge for this machine, without a payload")
    parser.add_argument("helper", type=Path, nargs="+", help="executables to carry; about 35 MB make a fair sample")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, metavar="N")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where to unpack; its file system matters")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(dir=options.scratch) as directory:
        place = furnish(Path(directory), options.kedge, options.helper)
        sys.stdout.write(f"{render_text(measure(place, options.rounds))}\n")
    return 0


def furnish(root: Path, kedge: Path, helpers: Sequence[Path]) -> Place:
    """Pack `helpers` and append them to a copy of `kedge`."""
    tree, output = root / "tree" / "bin", root / "output"
    tree.mkdir(parents=True)
    output.mkdir()
    for helper in helpers:
        shutil.copy(helper, tree / helper.name)
    Packing(tree=root / "tree", arch=host_arch(), versions={}).run(output, cores=len(os.sched_getaffinity(0)))
    bare, carrying = root / "bare", root / "kedge"
    shutil.copy(kedge, bare)
    assemble(kedge, output, carrying)
    frames = (output / FRAMES).rename(output / "frames.zst")
    return Place(bare=bare, kedge=carrying, frames=frames, data=root / "data")


def measure(place: Place, rounds: int) -> Report:
    """Times in turn, then memory in turn."""
    times: dict[str, Callable[[], float]] = {
        _ZSTD: lambda: place.zstd(sync=False),
        _SYNCED: lambda: place.zstd(sync=True),
        _UNPACK: place.unpack,
        _SECOND: lambda: place.unpack(keep=True),
    }
    memory: dict[str, Callable[[], float]] = {
        _BARE: lambda: place.resident(place.bare),
        _CARRYING: lambda: place.resident(place.kedge),
        "peak of unpacking": lambda: place.unpack(watched=True),
    }
    took, used = interleave(times, rounds), interleave(memory, max(3, rounds // 3))
    more = Series.of(used[_CARRYING].median - used[_BARE].median)
    ratio = took[_UNPACK].over(took[_SYNCED])
    return Report(
        group="payload",
        figures=[
            Figure(name=f"{_UNPACK}, times {_SYNCED}", limit=LIMIT_TIMES, unit=Unit.TIMES, series=ratio),
            Figure(name="memory that a payload costs", limit=LIMIT_MORE_BYTES, unit=Unit.BYTES, series=more),
        ],
        measurements=[
            *(
                Measurement(name=name, unit=Unit.SECONDS, series=series, against="" if name == _ZSTD else _ZSTD)
                for name, series in took.items()
            ),
            *(Measurement(name=name, unit=Unit.BYTES, series=series) for name, series in used.items()),
        ],
        notes=[
            f"Files: {place.frames.stat().st_size} bytes of frames. Unpacking also compares SHA-256 and flushes to the disk.",
            "The second start is `kedge payload unpack`, which reads and hashes every file; a start of kedge does not.",
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
